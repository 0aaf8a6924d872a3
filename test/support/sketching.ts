// Goal: a hub that gives sketches and an edge that asks for them, in one process, whose frames are
// counted: for laws, and to see what a lost position costs.

import type { ReplicaId } from "../../sync/brand.ts";
import {
  openEdgeLink,
  stepEdgeLink,
  type EdgeLinkEvent,
  type EdgeLinkOptions,
} from "../../sync/link/edge.ts";
import { EdgeReplica } from "../../sync/replica/edge-replica.ts";
import type { Collection } from "../../sync/replica/kind.ts";
import { MemoryReplicaStore } from "../../sync/replica/store.ts";
import { EdgeSketch, type Resync } from "../../sync/sketch/edge.ts";
import { SketchingHub } from "../../sync/sketch/hub.ts";
import { EdgeRangeCoder, HubRangeCoder } from "../../sync/wire/range/encoding.ts";

const RETRY = { retryMsMin: 1, retryMsMax: 1 };
const LEASE_MS = 86_400_000;

export class SketchingPair {
  readonly hub: SketchingHub;
  readonly edge: EdgeReplica;
  readonly resyncs: Resync[] = [];
  nowMs = 1_800_000_000_000;
  #numbers = 0;
  #epochs = 0;
  readonly #collections: readonly Collection[];
  readonly #isCoded: boolean;
  readonly #isSketching: boolean;

  constructor(
    collections: readonly Collection[],
    { isCoded = true, isSketching = true, symbolEntries = 0.2 } = {},
  ) {
    this.#collections = collections;
    this.#isCoded = isCoded;
    this.#isSketching = isSketching;
    const newNumber = (): number => Math.imul((this.#numbers += 1), 0x9e3779b1) >>> 0;
    this.hub = new SketchingHub({
      collections,
      store: new MemoryReplicaStore(),
      newNumber,
      leaseMs: LEASE_MS,
      symbolEntries,
      symbolsMin: 1,
    });
    if (isCoded) new HubRangeCoder().serve(this.hub);
    this.edge = new EdgeReplica({
      replica: "north/all" as ReplicaId,
      collections,
      store: new MemoryReplicaStore(),
      newEpoch: () => (this.#epochs += 1),
    });
  }

  /**
   * Opens the edge's link and exchanges until both ends hold everything; the bytes of each frame.
   *
   * @param between Called before each request leaves, with its number from 1.
   */
  sync(between: (leg: number) => void = () => undefined): number[] {
    const options = this.#options();
    let link = openEdgeLink(this.edge.record);
    const frames: number[] = [];
    const exchange = (request: Uint8Array): EdgeLinkEvent => {
      between(frames.length / 2 + 1);
      const frame = this.#ask(request);
      frames.push(request.length, frame.length);
      return { kind: "answer", frame, nowMs: this.nowMs };
    };
    const events: EdgeLinkEvent[] = [{ kind: "wake", isHeartbeat: true }];
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      const step = stepEdgeLink(link, event, options);
      link = step.state;
      for (const effect of step.effects) {
        if (effect.kind === "cut")
          events.push({ kind: "cut", cut: this.edge.cut(effect.isWhole), nowMs: this.nowMs });
        else if (effect.kind === "save") this.edge.save(effect.record);
        else if (effect.kind === "absorb") this.edge.absorb(effect.state, effect.record);
        else if (effect.kind === "send") events.push(exchange(effect.request));
        else if (effect.kind !== "at-rest") throw new TypeError(`It came to ${effect.kind}`);
      }
    }
    return frames;
  }

  #options(): EdgeLinkOptions {
    const coded: EdgeLinkOptions = this.#isCoded ? new EdgeRangeCoder().serve(RETRY) : RETRY;
    if (!this.#isSketching) return coded;
    const hear = (resync: Resync): void => void this.resyncs.push(resync);
    return new EdgeSketch(() => this.edge, this.#collections, hear).serve(coded);
  }

  #ask(request: Uint8Array): Uint8Array {
    const exchange = this.hub.exchange(request, this.nowMs);
    if (exchange.kind !== "answered") throw new TypeError(exchange.reason);
    return exchange.answer;
  }

  /** The edge forgets where it stands, and nothing else. */
  losePosition(): void {
    this.edge.renew();
  }
}
