// How many entries may the edges make of a collection? As many as it has room for, and of those that
// begin alike so many that none takes all the room. What is there already may always change.

import type { EntryRule, Sender } from "../sync/replica/kind.ts";

/** What of a collection is taken, and how much of it. */
export interface Bounds<Up> {
  /** Why an entry is refused, in kebab-case; null: it is taken. */
  readonly refusal: (key: string, value: Up, sender: Sender) => string | null;
  /** How many keys there may be for another one to be taken. */
  readonly keysMax: (key: string, sender: Sender) => number;
  /** How many of the keys that begin as a key does there may be. */
  readonly share?: {
    readonly startOf: (key: string) => string;
    readonly keysMax: number;
  };
}

/** Makes the rule of a collection with bounds. */
export function boundedRule<Up>({ refusal, keysMax, share }: Bounds<Up>): EntryRule<Up> {
  return (held, sender) => {
    // Not looked at before a frame brings a new key; then all at once: its keys may be of thousands.
    let starts: Map<string, string[]> | undefined;
    return (key, value) => {
      const reason = refusal(key, value, sender);
      if (reason !== null || held.has(key)) return reason;
      if (held.size >= keysMax(key, sender)) return "too-many-keys";
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
  };
}
