// Goal: one exchange of a hub as plain data: what was stored, the frames, what is stored then.

import { HubReplica } from "../../sync/replica/hub-replica.ts";
import { MemoryReplicaStore } from "../../sync/replica/store.ts";
import { REGION_COLLECTIONS } from "../../state/region.ts";
import { bytesOf, hexOf } from "./wire.ts";

/** Stored images, in hexadecimal. */
export interface StoredHex {
  readonly pages: readonly string[];
  readonly rows: readonly string[];
}

export interface ExchangeVector {
  readonly name: string;
  readonly before: StoredHex;
  /** Every number that the hub draws. */
  readonly draws: number;
  readonly nowMs: number;
  readonly frames: readonly string[];
  /** Of the last frame: its outcome, or why there is none. */
  readonly outcome: string;
  readonly after: StoredHex;
  readonly reply: string | null;
}

/** Lists what a store holds. */
export function storedIn(store: MemoryReplicaStore): StoredHex {
  const { pages, rows } = store.load();
  return { pages: [...pages].map(hexOf), rows: [...rows].map(hexOf) };
}

/** Makes a store that holds this. */
export function storeOf({ pages, rows }: StoredHex): MemoryReplicaStore {
  const store = new MemoryReplicaStore();
  store.checkpoint(new Map(pages.map((page, number) => [number, bytesOf(page)])));
  for (const row of rows) store.append(bytesOf(row));
  return store;
}

/** Opens the hub of the regions' link. */
export function openRegionHub(store: MemoryReplicaStore, draws: number): HubReplica {
  return new HubReplica({
    collections: REGION_COLLECTIONS,
    store,
    newNumber: () => draws,
    leaseMs: 86_400_000,
  });
}

/** Gives the frames to a hub; the answer is that to the last one. */
export function exchangeOf({
  before,
  draws,
  nowMs,
  frames,
}: ExchangeVector): Pick<ExchangeVector, "outcome" | "after" | "reply"> {
  const store = storeOf(before);
  const hub = openRegionHub(store, draws);
  const [last] = frames.map((frame) => hub.exchange(bytesOf(frame), nowMs)).toReversed();
  const after = storedIn(store);
  if (last?.kind !== "answered") return { outcome: last?.reason ?? "", after, reply: null };
  return { outcome: last.outcome, after, reply: hexOf(last.answer) };
}
