// What did a launcher that was killed leave running? The processes that its lock names, if they are
// still the same ones and their command lines say that they serve this state directory. Known on
// Linux only, from /proc; elsewhere nothing is found and nothing is ended.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";

const GONE_MS_MAX = 2_000;
const LOOK_MS = 20;
const ORIGIN_SCRIPT = path.join(import.meta.dirname, "origin-child.ts");
const LISTENING = "0A";

/** A process by its number and, where it can be told, the tick it began at: numbers come again. */
export function identify(pid: number): string {
  const begun = statOf(pid)?.[19];
  return begun === undefined ? String(pid) : `${pid} ${begun}`;
}

/** Ends those of `noted` that still run for `stateDir`. Returns their numbers. */
export function endLeftovers(stateDir: string, noted: readonly string[]): number[] {
  const ended = noted
    .filter((line) => line.includes(" ") && identify(pidOf(line)) === line)
    .map(pidOf)
    .filter((pid) => servesStateDir(commandOf(pid), stateDir));
  for (const pid of ended) {
    // An origin has a group of its own, with its runtime in it.
    const isGroup = Number(statOf(pid)?.[2]) === pid;
    try {
      process.kill(isGroup ? -pid : pid, "SIGKILL");
    } catch {
      // It ended between the look and the signal.
    }
  }
  awaitEnd(ended);
  return ended;
}

/** Tells from a command line whether it is a region's or the origin's process of `stateDir`. */
export function servesStateDir(command: readonly string[], stateDir: string): boolean {
  const [, first = "", second = ""] = command;
  if (first === ORIGIN_SCRIPT) return true;
  const folder = `${path.resolve(stateDir)}${path.sep}`;
  return first === "serve" && second.startsWith(folder) && second.endsWith(".capnp");
}

/** Finds who listens on `port`, e.g. "process 4711 (workerd)"; null if it cannot be told. */
export function portHolder(port: number): string | null {
  const inodes = new Set([...listeners("tcp", port), ...listeners("tcp6", port)]);
  if (inodes.size === 0) return null;
  for (const pid of foldersOf("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const fd of foldersOf(`/proc/${pid}/fd`)) {
      if (!inodes.has(linkOf(`/proc/${pid}/fd/${fd}`))) continue;
      return `process ${pid} (${path.basename(commandOf(Number(pid))[0] ?? "")})`;
    }
  }
  return null;
}

/** Fields of /proc/PID/stat after the name, which may itself hold blanks: the first is the state. */
function statOf(pid: number): string[] | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  return text === "" ? undefined : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function commandOf(pid: number): string[] {
  return textOf(`/proc/${pid}/cmdline`).split("\0");
}

function pidOf(noted: string): number {
  return Number(noted.split(" ")[0]);
}

/** The lock is taken without waiting for anything else, so this waits for the processes right here. */
function awaitEnd(pids: readonly number[]): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const isThere = (pid: number) => !["Z", "X", undefined].includes(statOf(pid)?.[0]);
  for (let waited = 0; waited < GONE_MS_MAX && pids.some(isThere); waited += LOOK_MS) {
    Atomics.wait(cell, 0, 0, LOOK_MS);
  }
}

function listeners(table: "tcp" | "tcp6", port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return textOf(`/proc/net/${table}`)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === LISTENING)
    .map((fields) => `socket:[${fields[9]}]`);
}

function foldersOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}
