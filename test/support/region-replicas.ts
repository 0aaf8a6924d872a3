// A region's end of the registry's link in Node: the edge's own replica and runner, over whatever
// answers its frames.

import assert from "node:assert/strict";
import type { ExchangeOutcome } from "../../edge/ports.ts";
import { replicate } from "../../edge/replicate.ts";
import { REGION_COLLECTIONS } from "../../state/region.ts";
import { parseReplicaId } from "../../sync/brand.ts";
import { openEdgeLink } from "../../sync/link/edge.ts";
import { EdgeReplica } from "../../sync/replica/edge-replica.ts";
import { HubReplica } from "../../sync/replica/hub-replica.ts";
import { MemoryReplicaStore } from "../../sync/replica/store.ts";

/** Opens the hub of the regions' link, with a store of its own. */
export function openRegionHub(): HubReplica {
  let links = 0;
  return new HubReplica({
    collections: REGION_COLLECTIONS,
    store: new MemoryReplicaStore(),
    newNumber: () => (links += 1),
    leaseMs: 1_000,
  });
}

/** One region. */
export interface Region {
  readonly replica: EdgeReplica;
  /** Exchanges until both ends hold everything; throws if that fails. */
  untilAtRest(): Promise<void>;
}

/** What answers a frame. */
export type Answering = (frame: Uint8Array) => Promise<ExchangeOutcome>;

/** Opens a region whose frames a hub in this process answers. */
export function region(name: string, hub: HubReplica, nowMs: () => number = Date.now): Region {
  return regionOver(name, async (frame) => {
    const exchange = hub.exchange(frame, nowMs());
    assert.equal(exchange.kind, "answered");
    return { kind: "answered", frame: exchange.answer };
  });
}

/** Opens a region over a way to its hub. */
export function regionOver(name: string, exchange: Answering): Region {
  const id = parseReplicaId(`${name}/region`);
  assert.ok(id !== null);
  let epoch = 0;
  const replica = new EdgeReplica({
    replica: id,
    collections: REGION_COLLECTIONS,
    store: new MemoryReplicaStore(),
    newEpoch: () => (epoch += 1),
  });
  let link = openEdgeLink(replica.record);
  return {
    replica,
    async untilAtRest() {
      for (let turns = 0; turns < 50; turns += 1) {
        const run = await replicate(
          link,
          replica,
          {
            origin: { exchange },
            now: Date.now,
            chance: () => 0,
            log: () => undefined,
          },
          true,
        );
        link = run.link;
        assert.equal(run.isOriginAway, false, "the exchange failed");
        if (run.againInMs === null) return;
      }
      assert.fail("still not at rest");
    },
  };
}
