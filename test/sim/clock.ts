// What time does a simulated machine believe it is? True time with an offset, too fast or too slow, or
// standing still.

export class SimClock {
  offsetMs = 0;
  /** How much faster than true time, and since when. */
  drift = 0;
  #sinceMs = 0;
  #frozenMs: number | null = null;

  read(trueMs: number): number {
    if (this.#frozenMs !== null) return this.#frozenMs;
    return Math.max(0, Math.round(trueMs + this.offsetMs + this.drift * (trueMs - this.#sinceMs)));
  }

  /** Goes on from what it shows now at another speed. */
  run(trueMs: number, drift: number): void {
    const shownMs = this.read(trueMs);
    this.#frozenMs = null;
    this.drift = drift;
    this.#sinceMs = trueMs;
    this.offsetMs = shownMs - trueMs;
  }

  freeze(trueMs: number): void {
    this.#frozenMs = this.read(trueMs);
  }

  jump(trueMs: number, byMs: number): void {
    this.run(trueMs, this.drift);
    this.offsetMs += byMs;
  }

  /** Shows true time again, but for some seconds. */
  correct(offsetMs: number): void {
    this.#frozenMs = null;
    this.drift = 0;
    this.offsetMs = offsetMs;
  }
}
