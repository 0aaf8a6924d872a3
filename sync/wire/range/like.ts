// Which keys of the group before has a group too? Counts and sums, say, are of the same keys, and how far
// one has gone tells something of the other. A frame may end between them: some are left out.

import type { RangeCoder } from "./coder.ts";
import type { CodedKeys } from "./keys.ts";
import { TAIL_CLASSES, type KeyTable } from "./table.ts";

/** A flag of a table: whether keys are told by those of the group before. */
const IS_LIKE = 2;

/** The keys of a group as they were coded, their tails, and how far the number of each has gone. */
export interface Steps {
  readonly keys: readonly string[];
  readonly tails: readonly number[];
  readonly steps: readonly number[];
}

/** Keys, of which the first have steps in the group before. */
export interface LikeKeys extends CodedKeys {
  readonly before: readonly number[];
}

/** Codes which keys of the group before are there; of none given it reads them. */
export class LikeCoder {
  readonly isLike: boolean;
  readonly keys: LikeKeys;
  /** Of the given keys the places of those that the group before did not have; null: of all. */
  readonly rest: readonly number[] | null;

  constructor(
    coder: RangeCoder,
    table: KeyTable,
    before: Steps | null,
    given: readonly string[] | null,
  ) {
    // Without a group before there is nothing to look for.
    const places = new Map(before ? given?.map((key, at) => [key, at]) : []);
    const isWorth = isWorthIt(before, places, given);
    this.isLike = coder.bit(table.slots.flags + IS_LIKE, isWorth ? 1 : 0) === 1;
    if (this.isLike && !before) coder.fail();
    this.keys = this.isLike && before ? codeLike(coder, table, before, places) : NONE;
    const taken = new Set(this.keys.from);
    this.rest = this.isLike ? [...places.values()].filter((place) => !taken.has(place)) : null;
  }

  /** The keys with others behind them, which were given at places of `rest`. */
  withOthers(ids: readonly number[], from: readonly number[]): LikeKeys {
    const { keys, rest } = this;
    if (!rest) return { ids, from, before: keys.before };
    const places = from.map((place, at) => rest[place] ?? keys.ids.length + at);
    return { ids: [...keys.ids, ...ids], from: [...keys.from, ...places], before: keys.before };
  }
}

/** Tells whether half of the keys are of the group before. One that comes twice is refused elsewhere. */
function isWorthIt(
  before: Steps | null,
  places: ReadonlyMap<string, number>,
  given: readonly string[] | null,
): boolean {
  const common = before?.keys.filter((key) => places.has(key)).length ?? 0;
  return common > 0 && common * 2 >= places.size && places.size === given?.length;
}

const NONE: LikeKeys = { ids: [], from: [], before: [] };

/** Whether a key is there is expected as it was of the last one with its tail. */
function codeLike(
  coder: RangeCoder,
  table: KeyTable,
  { keys, tails, steps }: Steps,
  places: ReadonlyMap<string, number>,
): LikeKeys {
  const ids: number[] = [];
  const from: number[] = [];
  const before: number[] = [];
  const last = new Uint8Array(TAIL_CLASSES).fill(2);
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] as string;
    const tail = Math.min(tails[i] as number, TAIL_CLASSES - 1);
    const place = places.get(key);
    const slot = table.slots.like + (last[tail] as number);
    const isThere = coder.bit(slot, place === undefined ? 0 : 1);
    last[tail] = isThere;
    if (!isThere) continue;
    from.push(place ?? ids.length);
    ids.push(table.take(key));
    before.push(steps[i] as number);
  }
  return { ids, from, before };
}
