// Who uses this state directory? One run at a time: two workerd processes on the same Durable
// Object files crash with "database is locked", which is safe but no answer for a person.

import { accessSync, appendFileSync, constants, mkdirSync, readFileSync } from "node:fs";
import { rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { onSpawn } from "./children.ts";
import { LaunchError } from "./launch-error.ts";
import { endLeftovers, identify } from "./leftovers.ts";

/**
 * Takes the directory for this process; the returned function gives it back. The lock names its
 * owner and every process that the owner starts, so that what a killed owner left can be ended.
 *
 * @param tell Told in one line what an earlier run had left running.
 */
export function lockStateDir(
  stateDir: string,
  tell: (line: string) => void = () => {},
): () => void {
  makeStateDir(stateDir);
  const file = path.join(stateDir, "lock");
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, `${identify(process.pid)}\n`, { flag: "wx" });
      return noteChildren(file);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw new LaunchError(refusal(stateDir, stateDir, error));
    }
    const [owner = "", ...children] = readFileSync(file, "utf8").trim().split("\n");
    const [pid = ""] = owner.split(" ");
    if (isRunning(Number(pid)) && !isAnother(owner)) {
      throw new LaunchError(
        `The state directory ${stateDir} is in use by process ${pid}: end it, or choose another with --state`,
      );
    }
    // Its owner was killed: nobody else will end its processes and remove the file.
    const ended = endLeftovers(stateDir, children);
    if (ended.length > 0) tell(`Ended what a killed start had left: process ${ended.join(", ")}`);
    rmSync(file, { force: true });
  }
  throw new LaunchError(`The state directory ${stateDir} is being taken by another run: try again`);
}

/** Removes what earlier runs left, but only of a directory that a launcher made. */
export function resetStateDir(stateDir: string, tell?: (line: string) => void): void {
  const marker = path.join(stateDir, "keys.json");
  if (statSync(stateDir, { throwIfNoEntry: false }) === undefined) return;
  if (statSync(marker, { throwIfNoEntry: false }) === undefined) {
    throw new LaunchError(`Will not remove ${stateDir}: it has no keys.json, so no start made it`);
  }
  lockStateDir(stateDir, tell)();
  rmSync(stateDir, { recursive: true, force: true });
}

/**
 * Makes a folder and those above it that are missing, or says in a sentence why it cannot. Step by
 * step, because a recursive mkdir below /proc never returns.
 */
export function makeStateDir(stateDir: string): void {
  const missing: string[] = [];
  let above = path.resolve(stateDir);
  try {
    while (statSync(above, { throwIfNoEntry: false }) === undefined) {
      missing.unshift(above);
      above = path.dirname(above);
    }
    for (const folder of missing) {
      above = folder;
      mkdirSync(folder, { mode: 0o700 });
    }
    if (!statSync(above).isDirectory()) throw new LaunchError("it is a file");
    accessSync(above, constants.W_OK);
  } catch (error) {
    throw new LaunchError(refusal(stateDir, above, error), { cause: error });
  }
}

function refusal(stateDir: string, at: string, error: unknown): string {
  const code = codeOf(error);
  const why =
    error instanceof LaunchError || code === "ENOTDIR"
      ? "there is a file in its place"
      : `the folder ${at} cannot be ${at === path.resolve(stateDir) && code !== "ENOENT" ? "written to" : "made"} (${code})`;
  return `Cannot write to ${stateDir}: ${why}; choose another folder`;
}

/** Adds each process that is started from now on to the lock. Returns how to give the lock back. */
function noteChildren(file: string): () => void {
  const stop = onSpawn((pid) => appendFileSync(file, `${identify(pid)}\n`));
  return () => {
    stop();
    rmSync(file, { force: true });
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** Tells whether the number of a process that was noted belongs to another one by now. */
function isAnother(noted: string): boolean {
  const [pid, begun] = noted.split(" ");
  return begun !== undefined && identify(Number(pid)) !== noted;
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
