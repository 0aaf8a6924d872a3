// Which numbers of a boot have been seen? A grow-only set of whole numbers kept as ranges: devices
// number their batches without gaps, so it stays a range or two long. The join is the union.

/** Disjoint, ascending, not adjacent ranges `[first, last]`, both inside. */
export type SeqRanges = readonly (readonly [first: number, last: number])[];

export const bottom: SeqRanges = [];

/** Tells whether `seq` is in the set. */
export function has(ranges: SeqRanges, seq: number): boolean {
  return ranges.some(([first, last]) => first <= seq && seq <= last);
}

/** Adds one number; returns the same set if it was there. */
export function add(ranges: SeqRanges, seq: number): SeqRanges {
  return has(ranges, seq) ? ranges : join(ranges, [[seq, seq]]);
}

/** Joins two sets: commutative, associative and idempotent (test/laws/seq-ranges.test.ts). */
export function join(left: SeqRanges, right: SeqRanges): SeqRanges {
  const joined: [number, number][] = [];
  for (const [first, last] of [...left, ...right].toSorted((a, b) => a[0] - b[0])) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1)
      previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** Returns the highest number up to which every number from 1 is in the set; 0 if 1 is not. */
export function contiguous(ranges: SeqRanges): number {
  const [first, last] = ranges[0] ?? [0, 0];
  return first === 1 ? last : 0;
}
