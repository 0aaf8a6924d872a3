// Which files are the repository's own? What git tracks or would track, so that a build's leftovers
// are not judged.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

export const ROOT: string = path.resolve(import.meta.dirname, "../..");

/** Lists the repository's files, from its root. */
export function listFiles(): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return [...new Set(listed.split("\n").filter((file) => file !== ""))].toSorted();
}

/** Reads one of them. */
export function readFile(file: string): string {
  return readFileSync(path.join(ROOT, file), "utf8");
}

/** Finds every line of `files` that matches, as "file:line text". */
export function findLines(files: readonly string[], pattern: RegExp): readonly string[] {
  return files.flatMap((file) =>
    readFile(file)
      .split("\n")
      .map((text, index) => ({ text, at: `${file}:${index + 1}` }))
      .filter(({ text }) => pattern.test(text))
      .map(({ text, at }) => `${at} ${text.trim()}`),
  );
}
