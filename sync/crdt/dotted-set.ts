// What is there when replicas meet each other in any order, and not only through a hub? An add-wins set
// with a dot an addition and a causal context of everything seen: a removal takes away the dots that
// its author had seen, and nothing else, and leaves no tombstone (Almeida, Shoker, Baquero 2018, the
// optimized add-wins set; the context is a version vector and what lies above its gaps). Where edges
// meet only through a hub, star-map.ts needs less.

import type { Lattice, ReplicaKey } from "./lattice.ts";

/** Dots of one life that were seen: 1 to `upTo`, and single ones above it that came early. */
export interface SeenDots {
  readonly upTo: number;
  readonly above: ReadonlySet<number>;
}

export type CausalContext = ReadonlyMap<ReplicaKey, SeenDots>;

/**
 * Dots of one addition each, by life: the latest one of the life, which has replaced those before it or
 * come after their removal, whether or not that has been heard of.
 */
type Dots = ReadonlyMap<ReplicaKey, number>;

export interface DottedSet {
  /** The additions that nothing seen has taken away, by key; a key is there if it has any. */
  readonly additions: ReadonlyMap<string, Dots>;
  readonly context: CausalContext;
}

const NONE_SEEN: SeenDots = { upTo: 0, above: new Set() };
const NO_DOTS: Dots = new Map();

export const dottedSet: Lattice<DottedSet> = {
  bottom: { additions: new Map(), context: new Map() },
  join(left, right) {
    const additions = new Map<string, Dots>();
    for (const key of new Set([...left.additions.keys(), ...right.additions.keys()])) {
      const dots = new Map<ReplicaKey, number>();
      for (const [life, seq] of [...survivors(left, right, key), ...survivors(right, left, key)])
        dots.set(life, Math.max(dots.get(life) ?? 0, seq));
      if (dots.size > 0) additions.set(key, dots);
    }
    return { additions, context: joinContexts(left.context, right.context) };
  },
  lessOrEqual(left, right) {
    const isSeen = dotsOf(left.context).every(([life, seq]) => hasSeen(right.context, life, seq));
    // What the right still holds must not be something that the left has seen taken away.
    return (
      isSeen &&
      [...right.additions].every(([key, dots]) => survivors(right, left, key).length === dots.size)
    );
  },
  decompose(state) {
    const keys = new Map(
      [...state.additions].flatMap(([key, dots]) =>
        [...dots].map(([life, seq]) => [`${seq}@${life}`, key] as const),
      ),
    );
    return dotsOf(state.context).map(([life, seq]) => {
      const key = keys.get(`${seq}@${life}`);
      const additions = key === undefined ? [] : [[key, new Map([[life, seq]])] as const];
      return { additions: new Map(additions), context: see(new Map(), life, seq) };
    });
  },
};

/** Tells whether a key is there. */
export function has(state: DottedSet, key: string): boolean {
  return state.additions.has(key);
}

/** Returns the delta of an addition at a life; it replaces the additions of the key seen there. */
export function add(state: DottedSet, life: ReplicaKey, key: string): DottedSet {
  const { upTo, above } = state.context.get(life) ?? NONE_SEEN;
  const seq = Math.max(upTo, ...above) + 1;
  const { context } = remove(state, key);
  return {
    additions: new Map([[key, new Map([[life, seq]])]]),
    context: see(context, life, seq),
  };
}

/** Returns the delta of a removal: of the additions of the key that were seen here. */
export function remove(state: DottedSet, key: string): DottedSet {
  const dots = state.additions.get(key) ?? NO_DOTS;
  const context = [...dots].reduce<CausalContext>(
    (seen, [life, seq]) => see(seen, life, seq),
    new Map(),
  );
  return { additions: new Map(), context };
}

/** What of `mine` the other holds too, or has not seen. */
function survivors(mine: DottedSet, other: DottedSet, key: string): [ReplicaKey, number][] {
  const theirs = other.additions.get(key) ?? NO_DOTS;
  return [...(mine.additions.get(key) ?? NO_DOTS)].filter(
    ([life, seq]) => theirs.get(life) === seq || !hasSeen(other.context, life, seq),
  );
}

function hasSeen(context: CausalContext, life: ReplicaKey, seq: number): boolean {
  const { upTo, above } = context.get(life) ?? NONE_SEEN;
  return seq <= upTo || above.has(seq);
}

function see(context: CausalContext, life: ReplicaKey, seq: number): CausalContext {
  return joinContexts(context, new Map([[life, compacted(0, new Set([seq]))]]));
}

function joinContexts(left: CausalContext, right: CausalContext): CausalContext {
  const joined = new Map(left);
  for (const [life, { upTo, above }] of right) {
    const held = joined.get(life) ?? NONE_SEEN;
    joined.set(life, compacted(Math.max(held.upTo, upTo), held.above.union(above)));
  }
  return joined;
}

/** The one form of what was seen: nothing stands above that continues `upTo`, or lies below it. */
function compacted(from: number, seen: ReadonlySet<number>): SeenDots {
  let upTo = from;
  while (seen.has(upTo + 1)) upTo += 1;
  return { upTo, above: new Set([...seen].filter((seq) => seq > upTo)) };
}

function dotsOf(context: CausalContext): [ReplicaKey, number][] {
  return [...context].flatMap(([life, { upTo, above }]) => {
    const below = Array.from({ length: upTo }, (_, at) => at + 1);
    return [...below, ...above].map((seq): [ReplicaKey, number] => [life, seq]);
  });
}
