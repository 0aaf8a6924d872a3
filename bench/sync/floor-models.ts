// How few bits could it take? What an ideal coder would need that learns how often each thing came
// before; nothing is written, only counted.

/** Bits of a subset of `count` out of `all`, and of how many they are. */
export function subsetBits(all: number, count: number): number {
  let bits = Math.log2(all + 1);
  const few = Math.min(count, all - count);
  for (let i = 1; i <= few; i += 1) bits += Math.log2((all - few + i) / i);
  return bits;
}

/** Bits of a whole number that comes for the first time, about. */
function newBits(number: number): number {
  return 2 * Math.log2(Math.abs(number) + 1) + 1;
}

/** Whole numbers of which some come often: each costs what its share so far says (PPM's method C). */
export class FrequencyModel {
  readonly #counts = new Map<number, number>();
  #total = 0;

  bits(number: number): number {
    const count = this.#counts.get(number) ?? 0;
    const distinct = this.#counts.size;
    const all = this.#total + distinct;
    this.#counts.set(number, count + 1);
    this.#total += 1;
    if (all === 0) return newBits(number);
    return count > 0 ? Math.log2(all / count) : Math.log2(all / distinct) + newBits(number);
  }
}

/** Whole numbers from 0 that are spread widely: their length costs by its share, the rest is as it is. */
export class LengthModel {
  readonly #lengths = new FrequencyModel();

  bits(number: number): number {
    const length = Math.floor(Math.log2(number + 1));
    return this.#lengths.bits(length) + length;
  }
}
