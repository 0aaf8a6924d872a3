// When is a hub's journal sealed? While nothing else is to be done: commits come first, and what is due
// waits until none has come for a moment. If too much waits, slices of it go between the commits,
// more of them the nearer the bound is where a commit would have to wait for the rest.

import { limits } from "./limits.ts";
import type { HubStore } from "./ports.ts";

/** What sealing needs of its surroundings. */
export interface SealingPorts {
  readonly now: () => number;
  /** Resolves after so many milliseconds; with 0 once other work was let in. */
  readonly wait: (ms: number) => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** The sealing of one hub, once at a time. */
export class Sealing {
  readonly #store: Pick<HubStore, "isSealDue" | "sealPressure" | "seal" | "retain">;
  readonly #ports: SealingPorts;
  #isUnderWay = false;
  /** When the last commit came, epoch milliseconds. */
  #commitMs = -Infinity;

  constructor(
    store: Pick<HubStore, "isSealDue" | "sealPressure" | "seal" | "retain">,
    ports: SealingPorts,
  ) {
    this.#store = store;
    this.#ports = ports;
  }

  /** Says that a commit has come: what is sealed makes room for more of them. */
  commitCame(): void {
    this.#commitMs = this.#ports.now();
  }

  /** Seals what is due, in slices. Never rejects. */
  async run(): Promise<void> {
    if (this.#isUnderWay || !this.#store.isSealDue(this.#ports.now())) return;
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
    for (const step of steps) {
      readings += step;
      const slices = 1 + Math.floor(this.#store.sealPressure() * (limits.sealSlicesMax - 1));
      if (readings < limits.sliceReadings * slices) continue;
      readings = 0;
      await this.#turn();
    }
  }

  /** Lets commits in; until none has come for a moment, unless too much waits. */
  async #turn(): Promise<void> {
    await this.#ports.wait(0);
    while (this.#store.sealPressure() === 0) {
      const quietMs = this.#commitMs + limits.sealQuietMs - this.#ports.now();
      if (quietMs <= 0) return;
      await this.#ports.wait(Math.min(quietMs, limits.sealQuietMs));
    }
  }
}
