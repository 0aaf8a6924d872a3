// What is there, and with which value, when several edges add and remove while they do not see each
// other? An add-wins map for a star: edges meet only through the hub, so a version vector shrinks to
// one number, the hub's seq, and a dot to (link, hub seq). A value travels with its addition: a
// removal takes away what it had seen, and a concurrent addition stays with its own value. When
// every link has acknowledged, no tag and no tombstone is left (after Bieniusa et al. 2012).
//
// The functions act on one key's entry; whoever holds the entries keeps their seqs and cursors. An
// author's value must be above all it has seen of the key (a last write is), because an addition
// after a removal that the hub has not heard of replaces that removal. A set is a map to `unit`.

import type { Lattice } from "./lattice.ts";

/** What the hub keeps of a key. It is there if anything is. */
export interface StarHubEntry<V> {
  /** Additions that not every link has acknowledged, by link number; 0 is the hub itself. */
  readonly tags: ReadonlyMap<number, { readonly seq: number; readonly value: V }>;
  /** The join of those that every link has; null: none. */
  readonly stable: V | null;
  /** The hub's seq of the latest of those; 0: none. */
  readonly stableSeq: number;
}

/** What an edge did to a key. */
export type StarOp<V> =
  | { readonly kind: "add"; readonly value: V }
  /**
   * `context` is the hub's seq that the edge knew when it removed, not when it sends: a later one
   * would claim to have seen additions that it had not.
   */
  | { readonly kind: "remove"; readonly context: number };

/** What an edge keeps of a key. */
export interface StarEdgeEntry<V> {
  /** Null: absent. */
  readonly present: V | null;
  /** Done here and not confirmed by the hub. */
  readonly op: StarOp<V> | null;
}

/** What the hub keeps of a key that it does not know. */
export const NOTHING_AT_HUB: StarHubEntry<never> = { tags: new Map(), stable: null, stableSeq: 0 };

/** Adds a value at the hub for a link, at the hub's seq `seq`. */
export function addAtHub<V>(
  lattice: Lattice<V>,
  held: StarHubEntry<V>,
  link: number,
  value: V,
  seq: number,
): StarHubEntry<V> {
  const joined = joinTo(lattice, held.tags.get(link)?.value, value);
  return { ...held, tags: new Map(held.tags).set(link, { seq, value: joined }) };
}

/**
 * Removes at the hub what a link had seen up to the hub's seq `context`, and what it added itself.
 *
 * Must run before the frame's acknowledgement moves the link's cursor: until then nothing that the
 * edge added itself, and removed before it heard of it, can have become stable.
 *
 * @returns `held` itself if nothing was there. Else the entry has changed even if something is left:
 *   the remover, who does not see the addition that won, is to be told.
 */
export function removeAtHub<V>(
  held: StarHubEntry<V>,
  link: number,
  context: number,
): StarHubEntry<V> {
  if (held.tags.size === 0 && held.stable === null) return held;
  const unseen = [...held.tags].filter(([adder, tag]) => adder !== link && tag.seq > context);
  // Links that come back, or come for the first time, have not held back what became stable.
  return { ...(held.stableSeq > context ? held : NOTHING_AT_HUB), tags: new Map(unseen) };
}

/** The value at the hub; null: absent. */
export function valueAtHub<V>(lattice: Lattice<V>, entry: StarHubEntry<V>): V | null {
  return [...entry.tags.values()].reduce<V | null>(
    (joined, tag) => joinTo(lattice, joined, tag.value),
    entry.stable,
  );
}

/** Folds what every link has acknowledged, up to the hub's seq `upTo`, into the stable value. */
export function stabilizeEntry<V>(
  lattice: Lattice<V>,
  entry: StarHubEntry<V>,
  upTo: number,
): StarHubEntry<V> {
  let { stable, stableSeq } = entry;
  const tags = new Map(entry.tags);
  for (const [link, { seq, value }] of entry.tags)
    if (seq <= upTo) {
      tags.delete(link);
      stable = joinTo(lattice, stable, value);
      stableSeq = Math.max(stableSeq, seq);
    }
  return tags.size === entry.tags.size ? entry : { tags, stable, stableSeq };
}

/** Adds a value at an edge; also one that is there, so that it outlives a removal elsewhere. */
export function addAtEdge<V>(
  lattice: Lattice<V>,
  held: StarEdgeEntry<V> | undefined,
  value: V,
): StarEdgeEntry<V> {
  const added = held?.op?.kind === "add" ? held.op.value : null;
  return {
    present: joinTo(lattice, held?.present, value),
    op: { kind: "add", value: joinTo(lattice, added, value) },
  };
}

/** Removes what is present at an edge that knows the hub up to its seq `context`. */
export function removeAtEdge(context: number): StarEdgeEntry<never> {
  return { present: null, op: { kind: "remove", context } };
}

/**
 * Takes in what the hub has of a key. An operation that the hub had not heard of (`isPending`) wins
 * over it; one that it had is confirmed, whatever became of it.
 */
export function absorbAtEdge<V>(
  held: StarEdgeEntry<V> | undefined,
  present: V | null,
  isPending: boolean,
): StarEdgeEntry<V> {
  return isPending && held ? held : { present, op: null };
}

/** Where there is nothing, a value is joined with itself: that changes nothing. */
function joinTo<V>(lattice: Lattice<V>, left: V | null | undefined, right: V): V {
  return lattice.join(left ?? right, right);
}
