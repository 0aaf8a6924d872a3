// What do the workloads draw? The same of one seed on every machine, and for every system.

/** A seeded source of chance: Mulberry32. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  /** `count` different whole numbers from 0 to `below` - 1, in no order. */
  distinct(count: number, below: number): number[] {
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(this.below(below));
    return [...drawn];
  }

  /** Ascending moments of an interval, milliseconds. */
  moments(count: number, fromMs: number, lengthMs: number): number[] {
    return Array.from({ length: count }, () => fromMs + this.below(lengthMs)).toSorted(
      (a, b) => a - b,
    );
  }
}
