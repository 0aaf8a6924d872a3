// What does this device measure? Its own load and memory, and a depth that is made up: what a boat
// would read above a sea floor of slow waves, with the noise of an instrument.

import os from "node:os";

/** Measures again and again; the load is that since the time before. */
export class Instruments {
  #before = cpuTimes();

  /** Measures once. */
  measure(timeMs: number): Readonly<Record<string, number>> {
    const now = cpuTimes();
    const spent = now.total - this.#before.total;
    const idle = now.idle - this.#before.idle;
    this.#before = now;
    return {
      cpu_load: spent > 0 ? round(1 - idle / spent, 3) : 0,
      memory_used: round(1 - os.freemem() / os.totalmem(), 3),
      depth_m: depthAt(timeMs, Math.random()),
    };
  }
}

/** Makes up a depth in metres; `chance` from 0 to 1 is the instrument's noise of 10 cm. */
export function depthAt(timeMs: number, chance: number): number {
  const minutes = timeMs / 60_000;
  const floor = 12 + 6 * Math.sin(minutes / 7) + 1.5 * Math.sin(minutes * 1.3);
  return round(floor + (chance - 0.5) / 10, 2);
}

function cpuTimes(): { readonly idle: number; readonly total: number } {
  const times = os.cpus().map((cpu) => cpu.times);
  const sum = (list: readonly number[]) => list.reduce((total, ms) => total + ms, 0);
  return {
    idle: sum(times.map(({ idle }) => idle)),
    total: sum(times.flatMap((cpu) => Object.values(cpu))),
  };
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
