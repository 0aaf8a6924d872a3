// Goal: one exchange of a hub as plain data: the frames before it, the frame, the answer, and what
// the hub holds then.

import { HubReplica, type Exchange } from "../../sync/replica/hub-replica.ts";
import { MemoryReplicaStore } from "../../sync/replica/store.ts";
import { REGION_COLLECTIONS } from "../../state/region.ts";
import { bytesOf, hexOf, text } from "./wire.ts";

/** What a hub holds: its seq, where its links are or were, what is seen of its entries. */
export interface HubState {
  readonly head: number;
  readonly links: unknown;
  readonly entries: unknown;
}

export interface ExchangeVector {
  readonly name: string;
  /** Frames that it was given before. */
  readonly earlier: readonly string[];
  /** True if it has been restarted since. */
  readonly isRestarted: boolean;
  /** Every number that the hub draws. */
  readonly draws: number;
  readonly nowMs: number;
  readonly frame: string;
  readonly before: HubState;
  /** The outcome, or why there is none. */
  readonly outcome: string;
  readonly reply: string | null;
  readonly after: HubState;
}

/** Lists what a hub of the regions' link holds. */
export function stateOf(hub: HubReplica): HubState {
  const links = hub.links().map((record) => {
    const { link, replica, replicaEpoch, cursor, head, lostEntries } = record;
    const isDormant = record.isDormant === true;
    return { link, replica, replicaEpoch, cursor, head, lostEntries, isDormant };
  });
  const entries = REGION_COLLECTIONS.flatMap((collection) =>
    [...hub.readAll(collection)].map(([key, value]) => [collection.id, key, text(value)]),
  );
  return { head: hub.head, links, entries };
}

/** Gives the frames to a hub; the answer is that to the last one. */
export function exchangeOf({
  earlier,
  isRestarted,
  draws,
  nowMs,
  frame,
}: Pick<ExchangeVector, "earlier" | "isRestarted" | "draws" | "nowMs" | "frame">): Pick<
  ExchangeVector,
  "before" | "outcome" | "reply" | "after"
> {
  const store = new MemoryReplicaStore();
  let hub = openRegionHub(store, draws);
  for (const bytes of earlier) hub.exchange(bytesOf(bytes), nowMs);
  if (isRestarted) hub = openRegionHub(store, draws);
  const before = stateOf(hub);
  const exchange: Exchange = hub.exchange(bytesOf(frame), nowMs);
  const after = stateOf(hub);
  if (exchange.kind !== "answered") return { before, outcome: exchange.reason, reply: null, after };
  return { before, outcome: exchange.outcome, reply: hexOf(exchange.answer), after };
}

function openRegionHub(store: MemoryReplicaStore, draws: number): HubReplica {
  return new HubReplica({
    collections: REGION_COLLECTIONS,
    store,
    newNumber: () => draws,
    leaseMs: 86_400_000,
  });
}
