// How does time pass in a simulated schedule? From one event to the next; between them everything that
// waits for nothing but promises runs to its end.

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that passes only when nothing is left to do at the moment. */
export class VirtualTime {
  nowMs = 0;
  /** Events that have run. */
  steps = 0;
  #order = 0;
  /** A binary heap: the next timer is first. */
  readonly #timers: Timer[] = [];

  /** Runs something after `ms`. */
  after(ms: number, run: () => void): void {
    this.#order += 1;
    this.#push({ atMs: this.nowMs + ms, order: this.#order, run });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** As doors/within.ts, in this time. */
  async within<T>(work: Promise<T>, ms: number): Promise<T | "late"> {
    const late = new Promise<"late">((resolve) => this.after(ms, () => resolve("late")));
    return Promise.race([work, late]);
  }

  /** Lets time pass until nothing is left, or until `endMs`. */
  async run(endMs: number): Promise<void> {
    await settle();
    for (;;) {
      const next = this.#timers[0];
      if (next === undefined || next.atMs > endMs) return;
      this.#pop();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.steps += 1;
      next.run();
      await settle();
    }
  }

  #push(timer: Timer): void {
    const timers = this.#timers;
    let at = timers.push(timer) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = timers[up];
      if (above === undefined || isBefore(above, timer)) break;
      timers[at] = above;
      at = up;
    }
    timers[at] = timer;
  }

  #pop(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      const [left, right] = [timers[down], timers[down + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) down += 1;
      const below = timers[down];
      if (below === undefined || isBefore(last, below)) break;
      timers[at] = below;
      at = down;
    }
    timers[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Lets every promise that can go on do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
