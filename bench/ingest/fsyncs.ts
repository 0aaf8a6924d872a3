// How often does a server bring its writes to disk? strace counts the calls of all its threads while it
// is attached; that slows the server, so nothing else is measured meanwhile.

import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../tools/launcher/children.ts";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import type { Packages } from "./packages.ts";
import { treeOf } from "./process-tree.ts";

const CALLS = ["fsync", "fdatasync", "msync"];
const ATTACH_MS = 400;
const STOP_MS_MAX = 10_000;

/** Counts the syncs of the process tree of `pid` while `work` runs. */
export async function countSyncs<T>(
  packages: Packages,
  pid: number,
  report: string,
  work: () => Promise<T>,
): Promise<{ readonly syncs: number; readonly result: T }> {
  rmSync(report, { force: true });
  const program = path.join(packages.root, "usr/bin/strace");
  const of = treeOf(pid).flatMap((each) => ["-p", String(each)]);
  const args = ["-f", "-c", "-e", `trace=${CALLS.join(",")}`, "-o", report, ...of];
  const env = { ...process.env, LD_LIBRARY_PATH: packages.libraryPath };
  const strace = new Child(program, args, { stdio: "ignore", env });
  await sleep(ATTACH_MS);
  if (!strace.isAlive) throw new LaunchError(`strace ended: ${await strace.exited}`);
  try {
    const result = await work();
    strace.signal("SIGINT");
    await strace.stop(STOP_MS_MAX);
    if (!existsSync(report)) throw new LaunchError("strace wrote no report");
    return { syncs: parseReport(readFileSync(report, "utf8")), result };
  } finally {
    await strace.stop(STOP_MS_MAX);
  }
}

/** Adds up the calls of a table of `strace -c`: % time, seconds, usecs/call, calls, [errors], name. */
export function parseReport(text: string): number {
  const rows = text.matchAll(/^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/gm);
  return [...rows]
    .filter(([, , name = ""]) => CALLS.includes(name))
    .reduce((sum, [, calls = "0"]) => sum + Number(calls), 0);
}
