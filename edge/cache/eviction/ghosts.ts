// What was given up lately? Hashes of names in two typed arrays, so that many cost little: a set of
// buckets, in each of which the oldest makes room for one more. A name may be taken for another's, one
// time in some hundred million; that admits an entry sooner, and nothing else.

const WAYS = 8;

/** Names that were given up. */
export class Ghosts {
  readonly #hashes: Uint32Array;
  /** The number of the giving up, of each. */
  readonly #numbers: Uint32Array;
  readonly #buckets: number;
  #count = 0;

  /** @param namesMax Names that are remembered, at most. */
  constructor(namesMax: number) {
    this.#buckets = Math.max(1, Math.ceil(namesMax / WAYS));
    this.#hashes = new Uint32Array(this.#buckets * WAYS);
    this.#numbers = new Uint32Array(this.#buckets * WAYS);
  }

  add(hash: number): void {
    const first = (hash % this.#buckets) * WAYS;
    let place = first;
    for (let at = first; at < first + WAYS; at += 1) {
      if (this.#hashes[at] === hash) {
        place = at;
        break;
      }
      if (this.#ageAt(at) > this.#ageAt(place)) place = at;
    }
    this.#count = (this.#count + 1) >>> 0;
    this.#hashes[place] = hash;
    this.#numbers[place] = this.#count;
  }

  /** Forgets a name; true if it was among the last `within` that were given up. */
  take(hash: number, within: number): boolean {
    const first = (hash % this.#buckets) * WAYS;
    for (let at = first; at < first + WAYS; at += 1) {
      if (this.#hashes[at] !== hash) continue;
      const isLate = this.#ageAt(at) >= within;
      this.#hashes[at] = 0;
      return !isLate;
    }
    return false;
  }

  /** How many were given up since, modulo 2^32. */
  #ageAt(at: number): number {
    return (this.#count - (this.#numbers[at] ?? 0)) >>> 0;
  }
}
