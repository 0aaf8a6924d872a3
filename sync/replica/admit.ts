// Which entries of an edge does a hub take? What a collection's rule refuses is left out, entry by
// entry: whoever may speak on a link may still not write what no reader could make sense of, and one
// bad entry never stops the others (P3). The sender goes on; it holds what was refused alone.

import type { ReadGroup } from "./groups.ts";
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
    const { id, rule, kind } = group.collection;
    const isLate = (value: unknown): boolean => (kind.stampOf(value)?.wallMs ?? 0) > limitMs;
    if (rule === undefined && !group.values.some(isLate)) return group;
    const held = table.entries(id);
    const shares = new Shares(rule?.share, held);
    let size = held.size;
    const isFull = (key: string): boolean =>
      rule !== undefined && (size >= rule.keysMax(key, sender) || !shares.hasRoom(key));
    const at = group.keys.map((key, i) => {
      const isNew = !held.has(key);
      const value = group.values[i];
      const broken = isLate(value) ? "clock-ahead" : rule?.refusal(key, value, sender);
      const reason = broken ?? (isNew && isFull(key) ? "too-many-keys" : null);
      if (reason !== null) refused.push({ collection: id, key, replica: sender.replica, reason });
      else if (isNew) {
        size += 1;
        shares.add(key);
      }
      return reason === null;
    });
    const isTaken = (_: unknown, i: number): boolean => at[i] === true;
    return { ...group, keys: group.keys.filter(isTaken), values: group.values.filter(isTaken) };
  });
  if (refused.length > 0) onRefused(refused);
  return admitted;
}

/** How many keys each share of a collection has; counted when a frame brings a new one. */
class Shares {
  readonly #share: EntryRule<unknown>["share"];
  readonly #held: ReadonlyMap<string, unknown>;
  readonly #counts = new Map<string, number>();

  constructor(share: EntryRule<unknown>["share"], held: ReadonlyMap<string, unknown>) {
    this.#share = share;
    this.#held = held;
  }

  hasRoom(key: string): boolean {
    if (this.#share === undefined) return true;
    const start = this.#share.startOf(key);
    return this.#countOf(start) < this.#share.keysMax;
  }

  add(key: string): void {
    if (this.#share === undefined) return;
    const start = this.#share.startOf(key);
    this.#counts.set(start, this.#countOf(start) + 1);
  }

  #countOf(start: string): number {
    const known = this.#counts.get(start);
    if (known !== undefined) return known;
    // Not one count a share of the frame: its keys may be of thousands.
    if (this.#counts.size === 0) this.#countAll();
    return this.#counts.get(start) ?? 0;
  }

  #countAll(): void {
    for (const key of this.#held.keys()) {
      const start = this.#share?.startOf(key) ?? "";
      this.#counts.set(start, (this.#counts.get(start) ?? 0) + 1);
    }
  }
}
