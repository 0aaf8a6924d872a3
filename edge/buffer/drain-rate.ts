// How fast does the origin take what waits for it? Bytes a second, over some ten seconds: what was
// taken counts less the longer ago it was (exponential decay), so an origin that is away comes to 0.

/** The mean age of what counts, milliseconds. */
const MEMORY_MS = 10_000;
/** Below this nothing moves any more, bytes a second. */
const STILL = 1;

/** The rate at which one buffer empties. In memory: a restart begins to observe anew. */
export class DrainRate {
  #bytes = 0;
  #atMs = 0;

  /** Notes that the origin has come to hold so many bytes more. */
  add(bytes: number, nowMs: number): void {
    this.#bytes = this.#decayed(nowMs) + Math.max(0, bytes);
    this.#atMs = nowMs;
  }

  /** Bytes a second; 0 if nothing was taken of late. */
  perS(nowMs: number): number {
    const rate = (this.#decayed(nowMs) * 1000) / MEMORY_MS;
    return rate < STILL ? 0 : rate;
  }

  /** A clock that went back takes nothing away. */
  #decayed(nowMs: number): number {
    return this.#bytes * Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS);
  }
}
