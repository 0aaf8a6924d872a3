// How is a check proved to bite? In a copy of the repository with one deliberate violation of each
// rule, on which the real tools run.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { listFiles, ROOT } from "./repository.ts";

/** A copy of the sources and configurations, without data and documents. */
export class PlantedCopy {
  readonly #dir: string = mkdtempSync(path.join(os.tmpdir(), "skerry-plants-"));

  constructor(plants: Readonly<Record<string, string>>) {
    for (const file of listFiles().filter((name) => /\.(ts|json|toml)$/.test(name))) {
      cpSync(path.join(ROOT, file), path.join(this.#dir, file));
    }
    symlinkSync(path.join(ROOT, "node_modules"), path.join(this.#dir, "node_modules"));
    for (const [file, source] of Object.entries(plants)) {
      mkdirSync(path.dirname(path.join(this.#dir, file)), { recursive: true });
      writeFileSync(path.join(this.#dir, file), `${source}\n`);
    }
  }

  /** Runs one of the project's tools on the copy and returns what it prints. */
  run(tool: string, ...args: readonly string[]): string {
    const bin = path.join(ROOT, "node_modules/.bin", tool);
    const { stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
      cwd: this.#dir,
      encoding: "utf8",
      env: { ...process.env, CI: "true", NO_COLOR: "1" },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout + stderr;
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
