// Which entries of an edge does a hub take? What a collection's rule refuses is left out, entry by
// entry: whoever may speak on a link may still not write what no reader could make sense of, and one
// bad entry never stops the others (P3). The sender goes on; it holds what was refused alone.

import { wallMsOf, type ReadGroup } from "./groups.ts";
import type { EntryRule, Sender } from "./kind.ts";
import type { Table } from "./table.ts";

/** An entry that was not taken. */
export interface RefusedEntry {
  readonly collection: number;
  readonly key: string;
  readonly replica: string;
  readonly reason: string;
}

/** Leaves out what the rules refuse, and what is stamped later than `limitMs`, and names it. */
export function admit(
  groups: readonly ReadGroup[],
  sender: Sender,
  limitMs: number,
  table: Table,
  onRefused: (refused: readonly RefusedEntry[]) => void = () => undefined,
): readonly ReadGroup[] {
  const refused: RefusedEntry[] = [];
  const admitted = groups.map((group) => {
    const { collection } = group;
    const { id: at, rule } = collection;
    const isLate = (value: unknown): boolean => wallMsOf(collection, value) > limitMs;
    if (!rule && !group.values.some(isLate)) return group;
    const held = table.entries(at);
    const isFull = fullness(rule, held, sender);
    const keys: string[] = [];
    const values: unknown[] = [];
    for (const [i, key] of group.keys.entries()) {
      const value = group.values[i];
      const broken = isLate(value) ? "clock-ahead" : rule?.refusal(key, value, sender);
      const reason = broken ?? (!held.has(key) && isFull(key) ? "too-many-keys" : null);
      if (reason === null) {
        keys.push(key);
        values.push(value);
      } else refused.push({ collection: at, key, replica: sender.replica, reason });
    }
    return { collection, keys, values };
  });
  if (refused.length > 0) onRefused(refused);
  return admitted;
}

/** Tells whether there is no room for a key that is new; it is counted where there is. */
function fullness(
  rule: EntryRule<unknown> | undefined,
  held: ReadonlyMap<string, unknown>,
  sender: Sender,
): (key: string) => boolean {
  const share = rule?.share;
  let { size } = held;
  // Not looked at before a frame brings a new key; then all at once: its keys may be of thousands.
  let starts: Map<string, string[]> | undefined;
  return (key) => {
    if (rule && size >= rule.keysMax(key, sender)) return true;
    if (share) {
      starts ??= Map.groupBy(held.keys(), (other) => share.startOf(other));
      const start = share.startOf(key);
      const alike = starts.get(start) ?? [];
      if (alike.length >= share.keysMax) return true;
      alike.push(key);
      starts.set(start, alike);
    }
    size += 1;
    return false;
  };
}
