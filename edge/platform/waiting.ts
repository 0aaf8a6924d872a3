// Who waits for news of a device, and for how long? Requests that would be answered with nothing wait
// for a while in the object that would know.

import { within } from "../../doors/within.ts";

/** Requests that wait, by device. */
export class Waiting {
  readonly #most: number;
  readonly #waiters = new Map<string, Set<() => void>>();
  #count = 0;

  /** @param most Requests that wait at once; one more does not wait. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#count;
  }

  /** Waits until there is news of a device, at most `ms`; false if it is not to be waited for. */
  async news(device: string, ms: number): Promise<boolean> {
    if (this.#count >= this.#most || ms <= 0) return false;
    let wake = (): void => undefined;
    const news = new Promise<true>((resolve) => {
      wake = () => resolve(true);
    });
    const waiters = this.#waiters.get(device) ?? new Set();
    this.#waiters.set(device, waiters.add(wake));
    this.#count += 1;
    const outcome = await within(news, ms);
    waiters.delete(wake);
    if (waiters.size === 0) this.#waiters.delete(device);
    this.#count -= 1;
    return outcome === true;
  }

  /** Tells whoever waits for news of a device that there is some. */
  wake(device: string): void {
    for (const wake of this.#waiters.get(device) ?? []) wake();
    // Who comes from now on waits in a set of its own.
    this.#waiters.delete(device);
  }
}
