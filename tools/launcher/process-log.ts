// How does the log of a process that runs for months stay within its bound? The process holds the
// file, so it cannot be renamed under it: it is copied beside itself and emptied. The process
// writes with O_APPEND, so that its next line begins the file again.

import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { copyFile, rm, stat, truncate } from "node:fs/promises";
import type { Child } from "./children.ts";

/** How large a log may get, and how often that is looked at. */
export interface LogBounds {
  /** Bytes of a log; one that is found larger becomes `FILE.1`, of which one is kept. */
  readonly logBytesMax: number;
  /** Milliseconds between two looks; what is written in between may exceed the bound. */
  readonly logCheckMs: number;
}

export const LOG_BOUNDS: LogBounds = { logBytesMax: 64 * 1024 * 1024, logCheckMs: 5_000 };

/**
 * Starts a process whose output goes to the end of `file`, and bounds the file while it runs.
 *
 * @param spawn Is given the file to write to, open for appending.
 */
export function startLogged(
  file: string,
  spawn: (log: number) => Child,
  bounds: LogBounds = LOG_BOUNDS,
): Child {
  if (sizeOf(statSync(file, { throwIfNoEntry: false })) > bounds.logBytesMax)
    renameSync(file, aside(file));
  const log = openSync(file, "a");
  try {
    const child = spawn(log);
    const stop = watchLog(file, bounds);
    void child.exited.then(stop);
    return child;
  } finally {
    closeSync(log);
  }
}

/** Looks at `file` again and again, without keeping this process alive. Returns how to stop. */
function watchLog(file: string, { logBytesMax, logCheckMs }: LogBounds): () => void {
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void boundLog(file, logBytesMax).finally(() => (isBusy = false));
  }, logCheckMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Never rejects: a log that cannot be looked at now is looked at the next time. */
async function boundLog(file: string, logBytesMax: number): Promise<void> {
  try {
    if (sizeOf(await stat(file)) <= logBytesMax) return;
    try {
      await copyFile(file, aside(file));
    } catch {
      // A disk without room for the copy needs the room more than the lines.
      await rm(aside(file), { force: true }).catch(() => undefined);
    }
    // Lines that came since the copy are lost: the price of not standing between process and file.
    await truncate(file, 0);
  } catch {
    // It was removed, with the folder that it was in.
  }
}

function aside(file: string): string {
  return `${file}.1`;
}

function sizeOf(stats: { readonly size: number } | undefined): number {
  return stats?.size ?? 0;
}
