// When is a hub's journal sealed? While nothing else is to be done: whatever else comes goes first, and
// what is due waits until there was nothing for a moment. If too much waits, slices of it go between
// the commits, with pauses that are the shorter, and then in blocks that are the longer, the nearer the
// bound is where a commit would have to wait for the rest.

import { limits } from "./limits.ts";
import type { HubStore } from "./ports.ts";

/** What sealing needs of its surroundings. */
export interface SealingPorts {
  readonly now: () => number;
  /** Resolves after so many milliseconds, or later if other work takes longer. */
  readonly wait: (ms: number) => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** The sealing of one hub, once at a time. */
export class Sealing {
  readonly #store: Pick<HubStore, "isSealDue" | "sealPressure" | "seal" | "retain">;
  readonly #ports: SealingPorts;
  #isUnderWay = false;
  /** When something else was last to be done, epoch milliseconds. */
  #busyMs = -Infinity;

  constructor(
    store: Pick<HubStore, "isSealDue" | "sealPressure" | "seal" | "retain">,
    ports: SealingPorts,
  ) {
    this.#store = store;
    this.#ports = ports;
  }

  /** Says that a commit has come: what is sealed makes room for more of them. */
  commitCame(): void {
    this.#busyMs = this.#ports.now();
  }

  /** True if run() has something to do. */
  get isDue(): boolean {
    return !this.#isUnderWay && this.#store.isSealDue(this.#ports.now());
  }

  /** Seals what is due, in slices. Never rejects. */
  async run(): Promise<void> {
    if (!this.isDue) return;
    this.#isUnderWay = true;
    try {
      await this.#turn();
      await this.#inSlices(this.#store.seal());
      await this.#inSlices(this.#store.retain(this.#ports.now()));
    } catch (error) {
      this.#ports.failed(error);
    } finally {
      this.#isUnderWay = false;
    }
  }

  async #inSlices(steps: Iterable<number>): Promise<void> {
    let readings = 0;
    let startedMs = this.#ports.now();
    for (const step of steps) {
      readings += step;
      const slices = slicesAt(this.#store.sealPressure());
      // Where the clock stands still during work, the readings tell how long it took.
      const isOver = this.#ports.now() - startedMs >= limits.sliceMs * slices;
      if (!isOver && readings < limits.sliceReadings * slices) continue;
      await this.#turn();
      readings = 0;
      startedMs = this.#ports.now();
    }
  }

  /** Lets other work in; until there was none for a moment, unless too much waits. */
  async #turn(): Promise<void> {
    const pressure = this.#store.sealPressure();
    const pauseMs = pressure === 0 ? 1 : Math.round((1 - pressure) * limits.sealPauseMs);
    const untilMs = this.#ports.now() + pauseMs;
    await this.#ports.wait(pauseMs);
    // A request takes several turns before it becomes a commit, and must not wait for a slice in each.
    if (this.#ports.now() - untilMs >= limits.sealBusyMs) this.#busyMs = this.#ports.now();
    while (this.#store.sealPressure() === 0) {
      const sinceMs = this.#ports.now() - this.#busyMs;
      // A clock that was set back does not say how long ago it was.
      if (sinceMs >= limits.sealQuietMs || sinceMs < 0) return;
      await this.#ports.wait(limits.sealQuietMs - sinceMs);
    }
  }
}

/**
 * How many slices go between two commits: one, and ever more from half of the way to the bound on. Where
 * commits come faster than they are sealed they have to wait, and short waits are better than one long.
 */
function slicesAt(pressure: number): number {
  return 1 + Math.round(Math.max(0, 2 * pressure - 1) * (limits.sealSlicesMax - 1));
}
