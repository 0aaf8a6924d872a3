// Edge replicas and a hub in one process, with a link that loses nothing: what a replica does when
// nothing goes wrong, and what it costs. The simulator is where things go wrong.

import type { ReplicaId } from "../../sync/brand.ts";
import {
  openEdgeLink,
  stepEdgeLink,
  type EdgeLink,
  type EdgeLinkEvent,
} from "../../sync/link/edge.ts";
import { EdgeReplica } from "../../sync/replica/edge-replica.ts";
import { HubReplica } from "../../sync/replica/hub-replica.ts";
import type { Collection } from "../../sync/replica/kind.ts";
import { MemoryReplicaStore } from "../../sync/replica/store.ts";

const LEASE_MS = 86_400_000;
const RETRY = { retryMsMin: 1, retryMsMax: 1 };

/** A store that knows its size. */
export class SizedStore extends MemoryReplicaStore {
  bytes(): number {
    const { pages, rows } = this.load();
    return [...pages, ...rows].reduce((sum, stored) => sum + stored.length, 0);
  }
}

/** A hub, and as many edges as are opened. */
export class LinkedReplicas {
  readonly #collections: readonly Collection[];
  hubStore: SizedStore = new SizedStore();
  hub: HubReplica;
  #numbers = 0;
  nowMs = 1_800_000_000_000;

  constructor(collections: readonly Collection[]) {
    this.#collections = collections;
    this.hub = this.reopenHub(collections);
  }

  /** Opens the hub from its store, as a release that holds these collections. */
  reopenHub(collections: readonly Collection[]): HubReplica {
    this.hub = new HubReplica({
      collections,
      store: this.hubStore,
      newNumber: () => (this.#numbers += 1),
      leaseMs: LEASE_MS,
    });
    return this.hub;
  }

  openEdge(
    name: string,
    collections: readonly Collection[] = this.#collections,
    store: SizedStore = new SizedStore(),
  ): LinkedEdge {
    const replica = new EdgeReplica({
      replica: `${name}/all` as ReplicaId,
      collections,
      store,
      newEpoch: () => (this.#numbers += 1),
    });
    return new LinkedEdge(replica, store, this);
  }
}

/** One edge, and what its link has carried. */
export class LinkedEdge {
  readonly replica: EdgeReplica;
  readonly store: SizedStore;
  readonly #world: LinkedReplicas;
  #link: EdgeLink;
  bytesUp = 0;
  bytesDown = 0;
  exchanges = 0;

  constructor(replica: EdgeReplica, store: SizedStore, world: LinkedReplicas) {
    this.replica = replica;
    this.store = store;
    this.#world = world;
    this.#link = openEdgeLink(replica.record);
  }

  /** Exchanges until both ends hold everything. */
  sync(): void {
    const events: EdgeLinkEvent[] = [{ kind: "wake", isHeartbeat: true }];
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      const step = stepEdgeLink(this.#link, event, RETRY);
      this.#link = step.state;
      for (const effect of step.effects) {
        if (effect.kind === "cut")
          events.push({
            kind: "cut",
            cut: this.replica.cut(effect.isWhole),
            nowMs: this.#world.nowMs,
          });
        else if (effect.kind === "save") this.replica.save(effect.record);
        else if (effect.kind === "absorb") this.replica.absorb(effect.state, effect.record);
        else if (effect.kind === "send") events.push(this.#exchange(effect.request));
        else if (effect.kind === "renew") events.push(this.#renew());
        else if (effect.kind !== "at-rest")
          throw new TypeError(`Nothing goes wrong here: ${effect.kind}`);
      }
    }
  }

  /** The hub is a copy of one that knew more. */
  #renew(): EdgeLinkEvent {
    this.replica.renew();
    this.#link = openEdgeLink(this.replica.record);
    return { kind: "wake", isHeartbeat: true };
  }

  #exchange(request: Uint8Array): EdgeLinkEvent {
    const { nowMs, hub } = this.#world;
    const exchange = hub.exchange(request, nowMs);
    if (exchange.kind !== "answered") throw new TypeError(exchange.reason);
    this.exchanges += 1;
    this.bytesUp += request.length;
    this.bytesDown += exchange.answer.length;
    return { kind: "answer", frame: exchange.answer, nowMs };
  }
}
