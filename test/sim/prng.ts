// Where does all chance of a simulation come from? From its seed: each step draws from a stream of
// its own, so that leaving a step out does not change what the others draw.

/** A stream of chance (sfc32, Doty-Humphrey 2010). */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Equal numbers give equal streams. */
  constructor(...numbers: readonly number[]) {
    [this.#a, this.#b, this.#c] = [0x9e3779b9, 0x243f6a88, 0xb7e15162];
    for (const number of numbers) {
      this.#a = Math.imul(this.#a ^ number, 0x85ebca6b) >>> 0;
      this.#b = (this.#b + (Math.floor(number / 2 ** 32) ^ (this.#a >>> 13))) >>> 0;
      this.next();
      this.next();
    }
    for (let i = 0; i < 12; i += 1) this.next();
  }

  /** Draws a whole number below 2^32. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** Draws from [0, 1). */
  unit(): number {
    return this.next() / 2 ** 32;
  }

  /** Draws a whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** Draws a whole number of both bounds or between. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("Cannot pick: there is nothing");
    return item;
  }

  /** Picks a name, each as often as its weight says. */
  weighted<Name extends string>(weights: ReadonlyMap<Name, number>): Name {
    const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
    let at = this.unit() * total;
    for (const [name, weight] of weights) {
      at -= weight;
      if (at < 0) return name;
    }
    return this.pick([...weights.keys()]);
  }
}
