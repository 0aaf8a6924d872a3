// Who uses this state directory? One run at a time: two workerd processes on the same Durable
// Object files crash with "database is locked", which is safe but no answer for a person.

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LaunchError } from "./launch-error.ts";

/** Takes the directory for this process; the returned function gives it back. */
export function lockStateDir(stateDir: string): () => void {
  mkdirSync(stateDir, { recursive: true });
  const file = path.join(stateDir, "lock");
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
        throw new LaunchError(`Cannot write to the state directory ${stateDir}`, { cause: error });
      }
    }
    const owner = Number(readFileSync(file, "utf8"));
    if (isRunning(owner)) {
      throw new LaunchError(
        `The state directory ${stateDir} is in use by process ${owner}: end it, or choose another with --state`,
      );
    }
    // Its owner was killed: nobody else will remove the file.
    rmSync(file, { force: true });
  }
  throw new LaunchError(`The state directory ${stateDir} is being taken by another run: try again`);
}

/** Removes what earlier runs left, but only of a directory that a launcher made. */
export function resetStateDir(stateDir: string): void {
  const marker = path.join(stateDir, "keys.json");
  if (statSync(stateDir, { throwIfNoEntry: false }) === undefined) return;
  if (statSync(marker, { throwIfNoEntry: false }) === undefined) {
    throw new LaunchError(`Will not remove ${stateDir}: it has no keys.json, so no start made it`);
  }
  lockStateDir(stateDir)();
  rmSync(stateDir, { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
