// Which entries of an edge does a hub take? What a collection's rule refuses is left out, entry by
// entry: whoever may speak on a link may still not write what no reader could make sense of, and one
// bad entry never stops the others (P3). The sender goes on; it holds what was refused alone.

import { wallMsOf } from "./groups.ts";
import type { Collection, Sender } from "./kind.ts";

/** An entry that was not taken. */
export interface RefusedEntry {
  readonly collection: number;
  readonly key: string;
  readonly replica: string;
  readonly reason: string;
}

/**
 * Makes what tells why an entry of a frame is refused; null: it is taken, and counted.
 *
 * @param held The collection's entries, with those that were taken of the frame so far.
 * @param limitMs No stamp may be later.
 */
export function refusalsOf(
  collection: Collection,
  held: ReadonlyMap<string, unknown>,
  sender: Sender,
  limitMs: number,
): (key: string, value: unknown) => string | null {
  const { rule } = collection;
  const share = rule?.share;
  // Not looked at before a frame brings a new key; then all at once: its keys may be of thousands.
  let starts: Map<string, string[]> | undefined;
  return (key, value) => {
    if (wallMsOf({ collection, value }) > limitMs) return "clock-ahead";
    const reason = rule?.refusal(key, value, sender) ?? null;
    if (!rule || reason !== null || held.has(key)) return reason;
    if (held.size >= rule.keysMax(key, sender)) return "too-many-keys";
    if (share) {
      starts ??= Map.groupBy(held.keys(), (other) => share.startOf(other));
      const start = share.startOf(key);
      const alike = starts.get(start) ?? [];
      if (alike.length >= share.keysMax) return "too-many-keys";
      starts.set(start, alike);
      alike.push(key);
    }
    return null;
  };
}
