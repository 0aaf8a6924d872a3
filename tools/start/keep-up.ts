// What if a process of a running start dies? It is said in one line and the process is started
// again, unless that happens so often that something is wrong for good.

import { LaunchError, oneLine } from "../launcher/launch-error.ts";
import type { World } from "../launcher/world.ts";

/** Deaths within the window that are answered with another start. */
const RESTARTS_MAX = 5;
const WINDOW_MS = 60_000;

/** A process that can be started again on the same port and storage. */
export interface Restartable {
  readonly logFile: string;
  ended(): Promise<string>;
  resume(): Promise<void>;
}

/** Counts deaths, and knows when there are too many. */
export class DeathCount {
  #recentMs: number[] = [];

  /** Counts a death at `nowMs`; false if it is one too many. */
  admits(nowMs: number): boolean {
    this.#recentMs = [...this.#recentMs.filter((atMs) => atMs > nowMs - WINDOW_MS), nowMs];
    return this.#recentMs.length <= RESTARTS_MAX;
  }
}

/** Keeps the processes of `world` up until it is closed. Rejects when they die too often. */
export async function keepUp(world: World, tell: (line: string) => void): Promise<void> {
  const deaths = new DeathCount();
  const named: [string, Restartable][] = [
    ["The origin", world.origin],
    ...world.regions.map(({ id, edge }): [string, Restartable] => [`Region ${id}`, edge]),
  ];
  await Promise.all(
    named.map(async ([name, process]) => keepOneUp(name, process, world, deaths, tell)),
  );
}

async function keepOneUp(
  name: string,
  process: Restartable,
  world: Pick<World, "isEnding">,
  deaths: DeathCount,
  tell: (line: string) => void,
): Promise<void> {
  let how = await process.ended();
  while (!world.isEnding) {
    const line = `${name} ended (${how}): its log is ${process.logFile}`;
    if (!deaths.admits(Date.now())) {
      throw new LaunchError(`${line}. Too many ends within a minute: everything ends`);
    }
    tell(`${line}. Starting it again`);
    try {
      await process.resume();
      tell(`${name} is back`);
      how = await process.ended();
    } catch (error) {
      how = oneLine(error);
    }
  }
}
