// How big is what would be deployed? Bundles both Workers as wrangler would, without a network, and
// holds their sizes against tools/budgets.json.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { LaunchError } from "./launcher/launch-error.ts";
import { REPOSITORY } from "./launcher/wrangler-config.ts";
import { runCommand } from "./terminal.ts";

interface Size {
  readonly worker: string;
  readonly rawKb: number;
  readonly gzipKb: number;
  readonly gzipKbMax: number;
}

const CONFIGS = { edge: "wrangler.toml", origin: "origin/wrangler.toml" } as const;
const WRANGLER_MS_MAX = 60_000;
const KB = 1000;

function measure(worker: keyof typeof CONFIGS, gzipKbMax: number): Size {
  // Absolute, because wrangler takes a relative one from the configuration's folder.
  const outDir = mkdtempSync(path.join(os.tmpdir(), `skerry-${worker}-`));
  try {
    const args = ["deploy", "-c", CONFIGS[worker], "--dry-run", "--minify", "--outdir", outDir];
    const run = spawnSync(process.execPath, ["node_modules/wrangler/bin/wrangler.js", ...args], {
      cwd: REPOSITORY,
      encoding: "utf8",
      timeout: WRANGLER_MS_MAX,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "true", NO_COLOR: "1" },
    });
    if (run.status !== 0)
      throw new LaunchError(`wrangler cannot bundle ${worker}: ${reason(run.stderr)}`);
    const bundle = readFileSync(path.join(outDir, "worker.js"));
    return {
      worker,
      rawKb: bundle.length / KB,
      gzipKb: gzipSync(bundle, { level: 9 }).length / KB,
      gzipKbMax,
    };
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

function reason(log: string): string {
  const lines = log.split("\n").map((line) => line.trim());
  return lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "it did not say why";
}

function main(): void {
  const budgets = JSON.parse(
    readFileSync(path.join(import.meta.dirname, "budgets.json"), "utf8"),
  ) as Record<keyof typeof CONFIGS, { readonly gzipKbMax: number }>;
  const sizes = (["edge", "origin"] as const).map((worker) =>
    measure(worker, budgets[worker].gzipKbMax),
  );
  for (const { worker, rawKb, gzipKb, gzipKbMax } of sizes) {
    console.log(
      `${worker.padEnd(8)} ${rawKb.toFixed(1).padStart(7)} kB minified ${gzipKb.toFixed(1).padStart(7)} kB gzip  (at most ${gzipKbMax})`,
    );
  }
  const fat = sizes.filter(({ gzipKb, gzipKbMax }) => gzipKb > gzipKbMax);
  if (fat.length > 0) {
    throw new LaunchError(
      `Over budget: ${fat.map(({ worker }) => worker).join(", ")}; see tools/budgets.json`,
    );
  }
}

await runCommand(main);
