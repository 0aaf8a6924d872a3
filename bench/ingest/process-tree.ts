// How much of the processors did a server use? The time on a processor of all threads of its process
// and all below it (/proc/PID/task/TID/schedstat, in nanoseconds), and the user and system time of
// ended processes that those waited for (proc_pid_stat(5)). The ticks of utime and stime alone would
// lose most of what sixteen processes do that each use little.

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Clock ticks of /proc/PID/stat: 100 a second on every Linux that Node runs on (USER_HZ). */
const TICK_MS = 10;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Of children that ended and were waited for. */
  readonly endedTicks: number;
}

/** Lists a process and all its descendants. */
export function treeOf(pid: number): number[] {
  return statsOf(pid).map((stat) => stat.pid);
}

/** Milliseconds of processor time that a process and its descendants have used. */
export function cpuMsOf(pid: number): number {
  const stats = statsOf(pid);
  const ended = stats.reduce((sum, { endedTicks }) => sum + endedTicks, 0) * TICK_MS;
  return stats.reduce((sum, stat) => sum + runMsOf(stat.pid), ended);
}

/** A server that uses less than this share of a core for so long has nothing left to do. */
const IDLE_SHARE = 0.05;
const LOOK_MS = 200;

/** Resolves when a process and its descendants have nothing left to do, or after `msMax`. */
export async function idle(pid: number, msMax: number): Promise<void> {
  const startedMs = performance.now();
  let before = cpuMsOf(pid);
  while (performance.now() - startedMs < msMax) {
    await sleep(LOOK_MS);
    const used = cpuMsOf(pid);
    if (used - before < LOOK_MS * IDLE_SHARE) return;
    before = used;
  }
}

function runMsOf(pid: number): number {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.reduce((sum, task) => {
      const [runNs = "0"] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(
        " ",
      );
      return sum + Number(runNs) / 1e6;
    }, 0);
  } catch {
    // It ended meanwhile.
    return 0;
  }
}

function statsOf(pid: number): Stat[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap(readStat);
  const found = all.filter((stat) => stat.pid === pid);
  for (const { pid: parent } of found) found.push(...all.filter((stat) => stat.parent === parent));
  return found;
}

function readStat(name: string): Stat[] {
  try {
    const text = readFileSync(`/proc/${name}/stat`, "latin1");
    // The name in parentheses may hold anything, also spaces: what follows the last ")" counts.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // cutime and cstime are the 16th and 17th field, 13 behind the state.
    const endedTicks = fields.slice(13, 15).reduce((sum, field) => sum + Number(field), 0);
    return [{ pid: Number(name), parent: Number(fields[1]), endedTicks }];
  } catch {
    // It ended meanwhile.
    return [];
  }
}
