// What if an entry that could not be counted can be now, after another release or a repair? It is
// absorbed as if it came now, and then it is gone from those set aside; twice changes nothing (P2).

import { storeAlone } from "./absorb-sync.ts";
import { limits } from "./limits.ts";
import type { PoisonedEntry, PoisonId, ShardStore } from "./ports.ts";

/** What became of one. */
export type Replayed =
  | { readonly kind: "unknown" }
  /** It is kept. */
  | { readonly kind: "still-poison"; readonly reason: PoisonedEntry["reason"] }
  /** `added` readings were not held before. */
  | { readonly kind: "replayed"; readonly added: number };

/** What became of several. */
export interface ReplayedAll {
  readonly replayed: number;
  readonly added: number;
  readonly stillPoison: number;
  /** Goes on behind this one; null: there are no more. */
  readonly next: PoisonId | null;
}

/** Replays one entry. */
export function replayPoison(id: PoisonId, store: ShardStore, nowMs: number): Replayed {
  const entry = store.poison.get(id);
  if (entry === null) return { kind: "unknown" };
  const { seq, body } = entry;
  // An older release did not write down when it was committed.
  const stampMs = entry.stampMs === 0 ? nowMs : entry.stampMs;
  return store.transaction(() => {
    const stored = storeAlone({ seq, stampMs, body }, store);
    if (stored.kind === "poison") return { kind: "still-poison", reason: stored.reason };
    store.poison.drop(entry);
    return { kind: "replayed", added: stored.added };
  });
}

/** Replays so many entries behind one, or from the first on. */
export function replayAll(after: PoisonId | null, store: ShardStore, nowMs: number): ReplayedAll {
  const entries = store.poison.list(after, limits.poisonReplayedMax);
  const sum = { replayed: 0, added: 0, stillPoison: 0 };
  for (const entry of entries) {
    const outcome = replayPoison(entry, store, nowMs);
    if (outcome.kind === "replayed") {
      sum.replayed += 1;
      sum.added += outcome.added;
    } else sum.stillPoison += 1;
  }
  const last = entries.length === limits.poisonReplayedMax ? entries.at(-1) : undefined;
  return { ...sum, next: last ?? null };
}
