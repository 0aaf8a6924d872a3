// Which entries of an edge does a hub take? What a collection's rule refuses is left out, entry by
// entry: whoever may speak on a link may still not write what no reader could make sense of, and one
// bad entry never stops the others (P3). The sender goes on; it holds what was refused alone.

import type { ReadGroup } from "./groups.ts";
import type { Sender } from "./kind.ts";
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
    const { id, rule, kind } = group.collection;
    const isLate = (value: unknown): boolean => (kind.stampOf(value)?.wallMs ?? 0) > limitMs;
    if (rule === undefined && !group.values.some(isLate)) return group;
    let size = table.entries(id).size;
    const at = group.keys.map((key, i) => {
      const isNew = table.get(id, key) === undefined;
      const value = group.values[i];
      const isFull = isNew && rule !== undefined && size >= rule.keysMax(key, sender);
      const broken = isLate(value) ? "clock-ahead" : rule?.refusal(key, value, sender);
      const reason = broken ?? (isFull ? "too-many-keys" : null);
      if (reason !== null) refused.push({ collection: id, key, replica: sender.replica, reason });
      else if (isNew) size += 1;
      return reason === null;
    });
    const isTaken = (_: unknown, i: number): boolean => at[i] === true;
    return { ...group, keys: group.keys.filter(isTaken), values: group.values.filter(isTaken) };
  });
  if (refused.length > 0) onRefused(refused);
  return admitted;
}
