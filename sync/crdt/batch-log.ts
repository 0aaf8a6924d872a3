// What is replicated for readings? A grow-only log a (replica, replicaEpoch): one entry a group
// commit, numbered without gaps from 1. A prefix is its state, the longer prefix the join, and the
// entries after a cursor are a delta-interval `(from, to]` (Almeida, Shoker, Baquero 2018). The
// receiver keeps a cursor instead of the entries it has already folded into its own state.

/** One group commit of a hub. */
export interface LogEntry {
  /** Ascending by 1 within a replicaEpoch. */
  readonly seq: number;
  /** Commit stamp: epoch milliseconds by the hub's clock, never going back. */
  readonly stampMs: number;
  /** The encoded batches (sync/wire/batch.ts). */
  readonly body: Uint8Array;
}

/** The entries with `from < seq <= to`, all of them, ascending. */
export interface Interval {
  readonly from: number;
  readonly to: number;
  readonly entries: readonly LogEntry[];
}

/** What a receiver does with an interval. */
export type Application =
  /** `fresh` are the entries it did not have; it stores them and `cursor` in one transaction. */
  | { readonly kind: "applied"; readonly fresh: readonly LogEntry[]; readonly cursor: number }
  /** Nothing in it is new. */
  | { readonly kind: "known"; readonly cursor: number }
  /** It begins after the cursor: applying it would skip entries. Nothing is stored. */
  | { readonly kind: "behind"; readonly cursor: number };

/** Joins two states of one log, given as prefixes: the longer one holds the other. */
export function join(left: readonly LogEntry[], right: readonly LogEntry[]): readonly LogEntry[] {
  return left.length >= right.length ? left : right;
}

/** Tells whether `left` is a prefix of `right`; both are states of one log. */
export function lessOrEqual(left: readonly LogEntry[], right: readonly LogEntry[]): boolean {
  return left.length <= right.length;
}

/** Cuts the interval after `cursor` out of a state. */
export function intervalAfter(state: readonly LogEntry[], cursor: number): Interval {
  const entries = state.filter((entry) => entry.seq > cursor);
  return { from: cursor, to: entries.at(-1)?.seq ?? cursor, entries };
}

/**
 * Decides what an interval adds to a receiver that holds everything up to `cursor`.
 *
 * An interval is applied only if it begins at or before the cursor (the causal delta-merging
 * condition), so no entry is ever skipped; entries at or below the cursor are left out, so none is
 * folded twice, however often or in whatever order intervals arrive.
 */
export function apply(cursor: number, interval: Interval): Application {
  if (interval.from > cursor) return { kind: "behind", cursor };
  if (interval.to <= cursor) return { kind: "known", cursor };
  const fresh = interval.entries.filter((entry) => entry.seq > cursor);
  return { kind: "applied", fresh, cursor: interval.to };
}
