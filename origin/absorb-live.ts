// What does the origin do with entries that a hub sends ahead of those that wait? Joins them with what
// it holds. They come again in their turn and count once, so what cannot be joined now is left to the
// link, which knows what to do with it.

import { hasTimeless } from "../state/live-entries.ts";
import { AHEAD_MS_MAX } from "../sync/clock/hlc.ts";
import type { LogEntry } from "../sync/crdt/batch-log.ts";
import type { ShardStore } from "./ports.ts";
import { isImpossible, joinEntries } from "./replica/join-entries.ts";

/** What such entries came to; the hub is told, and goes by it. */
export type LiveAbsorbed =
  | {
      readonly kind: "joined";
      readonly entries: number;
      /** Readings that were not held before. */
      readonly added: number;
    }
  /** Nothing of them is stored: one is stamped too far ahead, does not decode, or can never be stored. */
  | { readonly kind: "left"; readonly reason: "clock-ahead" | "timeless" | "poison" };

/** Joins all of them, or none. */
export function absorbLive(
  entries: readonly LogEntry[],
  store: ShardStore,
  nowMs: number,
): LiveAbsorbed {
  if (entries.some(({ stampMs }) => stampMs > nowMs + AHEAD_MS_MAX))
    return { kind: "left", reason: "clock-ahead" };
  // Of those the origin remembers names in the order in which they were committed.
  if (entries.some(({ body }) => hasTimeless(body))) return { kind: "left", reason: "timeless" };
  try {
    return store.transaction(() => {
      const { added, poison } = joinEntries(entries, store);
      if (poison.length > 0) throw new RangeError("An entry does not decode");
      return { kind: "joined", entries: entries.length, added };
    });
  } catch (error) {
    if (!isImpossible(error)) throw error;
    return { kind: "left", reason: "poison" };
  }
}
