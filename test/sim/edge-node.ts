// What is one simulated edge? A replica on a disk, a clock, and the runner of its link: it does what
// edge/replicate.ts does with the effects of the state machine, one message at a time.

import { parseReplicaId, type ReplicaId } from "../../sync/brand.ts";
import { replicaKey } from "../../sync/crdt/lattice.ts";
import {
  openEdgeLink,
  stepEdgeLink,
  type Cut,
  type EdgeLink,
  type EdgeLinkEffect,
  type EdgeLinkEvent,
  type EdgeLinkOptions,
  type EdgeLinkRecord,
} from "../../sync/link/edge.ts";
import { componentKey } from "../../sync/replica/component.ts";
import { EdgeReplica } from "../../sync/replica/edge-replica.ts";
import { EdgeSketch } from "../../sync/sketch/edge.ts";
import type { DownState } from "../../sync/wire/down-frame.ts";
import { ORIGIN_POSITION, type Versions } from "../../sync/wire/frame.ts";
import { EdgeRangeCoder } from "../../sync/wire/range/encoding.ts";
import { SimClock } from "./clock.ts";
import type { SimDisk } from "./disk.ts";
import { Shadow, type Extent, type Ledger } from "./ledger.ts";
import type { Answer } from "./network.ts";
import type { Plan } from "./plan.ts";
import type { Prng } from "./prng.ts";
import { COLLECTIONS } from "./schema.ts";

/** What a node needs of the world it is in. */
export interface EdgeWorld {
  readonly ledger: Ledger;
  readonly quantumMs: 1 | 16 | 128;
  readonly plan: Pick<Plan, "codedEdges" | "sketchingEdges">;
  now(): number;
  newNumber(): number;
  chance(): number;
  send(node: EdgeNode, bytes: Uint8Array, attempt: string, carried: readonly number[]): void;
  /** Tells the checkers. */
  watch: EdgeWatch;
}

/** What checkers hear of a node. */
export interface EdgeWatch {
  onCut(node: EdgeNode, cut: Cut): void;
  /** `kept` is what was sent before, if this is a retry. */
  onSend(node: EdgeNode, bytes: Uint8Array, kept: Uint8Array | null): void;
  onAbsorb(node: EdgeNode, state: DownState): void;
  onRecord(node: EdgeNode, before: EdgeLinkRecord): void;
  /** A life has ended with a row that was torn: what it had sent is not known. */
  onTorn(node: EdgeNode, before: EdgeLinkRecord): void;
  /** A life has ended because the hub said so. */
  onEnded(node: EdgeNode, before: EdgeLinkRecord): void;
  onRestamp(node: EdgeNode, before: EdgeLinkRecord): void;
}

const RETRY = { retryMsMin: 1_000, retryMsMax: 60_000 };

export class EdgeNode {
  readonly number: number;
  readonly replicaId: ReplicaId;
  readonly clock: SimClock;
  disk: SimDisk;
  shadow: Shadow = new Shadow();
  replica: EdgeReplica;
  link: EdgeLink;
  versions: Versions = { min: 1, max: 1 };
  /** The other encoding that its link speaks; null: none. */
  coder: EdgeRangeCoder | null = null;
  #options: EdgeLinkOptions = RETRY;
  /** The connection that an answer is awaited on. */
  awaited: string | null = null;
  isAtRest = false;
  /** Groups of entries that it has been told. */
  toldGroups = 0;
  /** The request that is kept until it is answered. */
  #request: { readonly bytes: Uint8Array; readonly carried: readonly number[] } | null = null;
  #carriable: readonly number[] = [];
  #answer: Answer | null = null;
  #attempts = 0;
  #isRetrying = false;
  /** How much the shadow held after how many writes of the disk that are not synchronised. */
  #marks: { readonly writes: number; readonly extent: Extent }[] = [];
  readonly #world: EdgeWorld;

  constructor(world: EdgeWorld, number: number, name: string, disk: SimDisk) {
    this.#world = world;
    this.number = number;
    const replicaId = parseReplicaId(`${name}/r`);
    if (replicaId === null) throw new RangeError(`${name} is no name`);
    this.replicaId = replicaId;
    this.clock = new SimClock();
    this.disk = disk;
    this.replica = this.openReplica(disk);
    this.link = this.#openLink();
    this.sync();
  }

  #openLink(): EdgeLink {
    const isCoded = this.#world.plan.codedEdges[this.number] === true;
    this.coder = isCoded ? new EdgeRangeCoder() : null;
    const options: EdgeLinkOptions = this.coder?.serve(RETRY) ?? RETRY;
    const sketch = new EdgeSketch(() => this.replica, COLLECTIONS);
    const isSketching = this.#world.plan.sketchingEdges[this.number] === true;
    this.#options = isSketching ? sketch.serve(options) : options;
    return openEdgeLink(this.replica.record, this.versions);
  }

  nowMs(): number {
    return this.clock.read(this.#world.now());
  }

  /** Starts over from the disk. */
  reopen(): void {
    this.awaited = null;
    this.#request = null;
    this.#answer = null;
    const before = this.replica.record;
    this.replica = this.openReplica(this.disk);
    // A torn row: it cannot be known what it said.
    if (this.replica.record.replicaEpoch !== before.replicaEpoch) {
      this.#world.watch.onTorn(this, before);
      this.doubt({ ...this.replica.record, cursor: ORIGIN_POSITION });
    }
    this.link = this.#openLink();
    this.sync();
  }

  /** Opens a replica on a disk: this one's, or a copy of it. */
  openReplica(disk: SimDisk): EdgeReplica {
    return new EdgeReplica({
      replica: this.replicaId,
      collections: COLLECTIONS,
      store: disk,
      newEpoch: () => this.#world.newNumber(),
      quantumMs: this.#world.quantumMs,
    });
  }

  wake(isHeartbeat: boolean): void {
    this.feed({ kind: "wake", isHeartbeat });
  }

  /** No answer came in time. */
  fail(): void {
    this.awaited = null;
    this.feed({ kind: "failed", chance: this.#world.chance() });
  }

  hear(answer: Answer): void {
    this.awaited = null;
    this.#answer = answer;
    this.feed({
      kind: "answer",
      frame: answer.bytes,
      nowMs: this.nowMs(),
    });
    this.#answer = null;
  }

  feed(first: EdgeLinkEvent): void {
    let event: EdgeLinkEvent | null = first;
    this.isAtRest = false;
    while (event !== null) {
      const before = this.replica.record;
      this.#isRetrying = event.kind === "wake" && this.link.phase.kind === "waiting";
      const step = stepEdgeLink(this.link, event, this.#options);
      this.link = step.state;
      event = null;
      for (const effect of step.effects) event = this.#interpret(effect) ?? event;
      if (this.replica.record !== before) this.#world.watch.onRecord(this, before);
      if (isOtherLink(before, this.replica.record)) this.doubt(before);
      if (step.effects.some(isEnd)) event = null;
    }
    this.sync();
  }

  #interpret(effect: EdgeLinkEffect): EdgeLinkEvent | null {
    switch (effect.kind) {
      case "save":
        this.replica.save(effect.record);
        return null;
      case "cut": {
        const cut = this.replica.cut(effect.isWhole);
        this.#carriable = this.#carriedBy(cut);
        this.#world.watch.onCut(this, cut);
        return { kind: "cut", cut, nowMs: this.nowMs() };
      }
      case "send":
        this.#send(effect.request);
        return null;
      case "absorb":
        this.#absorb(effect.state, effect.record);
        return null;
      case "renew":
      case "restamp":
        this.#beginLife(effect);
        return null;
      case "at-rest":
        this.isAtRest = true;
        return null;
      case "set-timer":
        return null;
    }
  }

  #send(bytes: Uint8Array): void {
    // Everything that was written before is durable when the request leaves.
    this.sync();
    const isRetry = this.#isRetrying;
    this.#world.watch.onSend(this, bytes, isRetry ? (this.#request?.bytes ?? null) : null);
    const { phase, record } = this.link;
    const isSaying = phase.kind === "waiting" && phase.to.seq > record.cursor.seq;
    if (!isRetry) this.#request = { bytes, carried: isSaying ? this.#carriable : [] };
    if (!isRetry && isSaying) {
      const { replicaEpoch } = record;
      this.shadow.carried.push({ replicaEpoch, to: phase.to.seq, ids: this.#carriable });
    }
    this.#attempts += 1;
    this.awaited = `${this.number}:${this.#attempts}:${this.replica.record.replicaEpoch}`;
    this.#world.send(this, bytes, this.awaited, this.#request?.carried ?? []);
  }

  #absorb(state: DownState, record: EdgeLinkRecord): void {
    this.#world.watch.onAbsorb(this, state);
    this.toldGroups += state.groups.length;
    const { additions = [], additionCount = 0 } = this.#answer ?? {};
    for (const { id, from, to } of additions.slice(0, additionCount)) {
      if (to <= state.to) this.shadow.seen.push(id);
      else if (from < state.to) this.shadow.perhaps.push(id);
    }
    this.noteShadow(this.disk.unsynced);
    if (!this.replica.absorb(state, record)) {
      this.link = this.#openLink();
    }
  }

  /** What was written is durable now. */
  sync(): void {
    this.disk.sync();
    this.#marks = [{ writes: 0, extent: this.shadow.extent }];
  }

  /** The shadow has grown with the disk's next write after `unsynced` ones. */
  noteShadow(unsynced: number): void {
    this.#marks.push({ writes: unsynced + 1, extent: this.shadow.extent });
  }

  /** Stops, and starts over from what has survived. */
  crash(rng: Prng, canTear: boolean): void {
    const survivors = this.disk.crash(rng, canTear);
    const mark = this.#marks.findLast(({ writes }) => writes <= survivors);
    if (mark !== undefined) this.shadow.cutTo(mark.extent);
    this.reopen();
  }

  /** Loses where its link stands, but for what it holds; nothing of it is under way. */
  losePosition(): void {
    this.#beginLife({ kind: "renew" });
    this.sync();
  }

  #beginLife(effect: Extract<EdgeLinkEffect, { kind: "renew" | "restamp" }>): void {
    const before = this.replica.record;
    if (effect.kind === "renew") this.replica.renew();
    else this.replica.restamp(effect.hubNowMs);
    if (effect.kind === "restamp") this.#world.watch.onRestamp(this, before);
    this.#world.watch.onEnded(this, before);
    this.doubt(before);
    this.link = this.#openLink();
  }

  /**
   * A life has ended, or its link: what it had done and the hub has not confirmed is said once more, by a link
   * that the hub does not know to be the same, so it counts as done anew.
   */
  doubt(before: EdgeLinkRecord): void {
    const pending = this.#world.ledger
      .of(this.shadow.writes)
      .filter(({ seq }) => seq > before.cursor.seq);
    for (const { id, what } of pending) {
      if (what.kind === "add") this.shadow.perhaps.push(id);
      if (what.kind !== "remove") continue;
      for (const sure of what.sure) what.maybe.add(sure);
      what.sure.clear();
    }
  }

  /** All own writes of the keys of a cut. A count that is not confirmed has moved to this life. */
  #carriedBy({ groups }: Cut): readonly number[] {
    if (groups.length === 0) return [];
    const { replica, replicaEpoch } = this.replica.record;
    const life = replicaKey(replica, replicaEpoch);
    const keys = new Set(
      groups.flatMap(({ collection, keys }) => keys.map((key) => `${collection}/${key}`)),
    );
    return this.#world.ledger
      .of(this.shadow.writes)
      .filter(({ id, collection, key }) => {
        const component = componentKey(key, this.shadow.confirmed.get(id) ?? life);
        return keys.has(`${collection.id}/${key}`) || keys.has(`${collection.id}/${component}`);
      })
      .map(({ id }) => id);
  }
}

/** Tells whether a life goes on by another link: the hub had forgotten the one before. */
function isOtherLink(before: EdgeLinkRecord, { link, replicaEpoch }: EdgeLinkRecord): boolean {
  return before.link > 0 && link !== before.link && replicaEpoch === before.replicaEpoch;
}

/** Tells whether a run of the link ends with an effect. */
function isEnd({ kind }: EdgeLinkEffect): boolean {
  return kind === "set-timer" || kind === "at-rest" || kind === "renew" || kind === "restamp";
}
