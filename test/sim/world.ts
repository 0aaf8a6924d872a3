// What happens in a simulation, and in which order? One step at a time, drawn from the seed; a step
// is a turn of one machine, a message that arrives, or something that goes wrong.

import { replicaKey, type ReplicaKey } from "../../sync/crdt/lattice.ts";
import type { EdgeLinkRecord } from "../../sync/link/edge.ts";
import type { Exchange } from "../../sync/replica/hub-replica.ts";
import type { Draft } from "../../sync/replica/draft.ts";
import { nameOf } from "./checks/owed.ts";
import type { Checker, Taint, View } from "./checks/checker.ts";
import { MachineStopped, SimDisk, type DiskImage } from "./disk.ts";
import { EdgeNode, type EdgeWatch, type EdgeWorld } from "./edge-node.ts";
import { HubNode, type Release } from "./hub-node.ts";
import { Ledger, type Shadow } from "./ledger.ts";
import type { Leg } from "./legs.ts";
import { Network, type Answer, type Message, type Request } from "./network.ts";
import type { Plan } from "./plan.ts";
import { Prng } from "./prng.ts";
import { noteRestamp } from "./restamp.ts";
import { COLLECTIONS, OLD_COLLECTIONS } from "./schema.ts";
import type { Trace } from "./trace.ts";
import { makeWrite } from "./workload.ts";

/** When simulations begin: 2023-11-14. */
const START_MS = 1_700_000_000_000;

/** A copy of a disk, with what it is known to hold. */
export interface DiskCopy {
  readonly image: DiskImage;
  readonly shadow: Shadow;
}

/** A copy of an edge's disk, and where its link stood. */
export interface EdgeCopy extends DiskCopy {
  readonly record: EdgeLinkRecord;
}

const NEW_RELEASE: Release = { collections: COLLECTIONS, versions: { min: 1, max: 2 } };
const OLD_RELEASE: Release = { collections: OLD_COLLECTIONS, versions: { min: 1, max: 1 } };

export class World implements EdgeWorld, View {
  readonly plan: Plan;
  readonly ledger = new Ledger();
  readonly network: Network;
  readonly hub: HubNode;
  readonly edges: EdgeNode[] = [];
  readonly trace: Trace;
  readonly taint: Taint = {
    edgeCopies: false,
    hubRestored: false,
    forgotten: false,
    hubDamaged: false,
    vague: new Set(),
    recounted: new Map(),
    saidTwice: new Map(),
    copiedLives: new Set(),
    doubtful: new Set(),
  };
  readonly watch: EdgeWatch;
  readonly checkers: readonly Checker[];
  /** Copies of disks, to be put back later. */
  readonly copies = new Map<number, EdgeCopy>();
  hubCopy: DiskCopy | null = null;
  exchanges = 0;
  lastLeg: Leg = { isApplied: false, groups: 0 };
  #trueMs = START_MS;
  #numbers = 0;

  constructor(plan: Plan, checkers: readonly Checker[], trace: Trace) {
    this.plan = plan;
    this.checkers = checkers;
    this.trace = trace;
    this.network = new Network(plan.faults.has("reorder"));
    this.watch = watchOf(this);
    const isOld = plan.faults.has("old-hub");
    this.hub = new HubNode(this, isOld ? OLD_RELEASE : NEW_RELEASE);
    for (let number = 0; number < plan.edges; number += 1) {
      const node = new EdgeNode(this, number, `e${number}`, new SimDisk());
      const rng = new Prng(plan.seed, 2, number);
      if (!plan.faults.has("old-version") || rng.chance(0.5)) node.versions = { min: 1, max: 2 };
      node.reopen();
      this.edges.push(node);
    }
  }

  get quantumMs(): Plan["quantumMs"] {
    return this.plan.quantumMs;
  }

  get leaseMs(): number {
    return this.plan.leaseMs;
  }

  now(): number {
    return this.#trueMs;
  }

  pass(ms: number): void {
    this.#trueMs += ms;
  }

  newNumber(): number {
    this.#numbers += 1;
    return new Prng(this.plan.seed, 3, this.#numbers).next() || 1;
  }

  chance(): number {
    this.#numbers += 1;
    return new Prng(this.plan.seed, 4, this.#numbers).unit();
  }

  upgradeHub(): void {
    if (this.hub.release === NEW_RELEASE) return;
    this.hub.disk.sync();
    this.hub.release = NEW_RELEASE;
    this.hub.reopen();
    this.trace.note("hub is upgraded");
  }

  downgradeHubVersions(): void {
    this.hub.disk.sync();
    this.hub.release = { ...this.hub.release, versions: OLD_RELEASE.versions };
    this.hub.reopen();
  }

  restartHub(): void {
    this.trace.note("hub restarts");
    this.hub.disk.sync();
    this.hub.reopen();
    this.tell((checker) => checker.onReopened?.(this, this.hub, true));
  }

  /** What a copy had counted and the hub not confirmed may be counted by both. */
  taintCopy(node: EdgeNode, { shadow, record }: EdgeCopy): void {
    this.taint.edgeCopies = true;
    this.taint.copiedLives.add(lifeOf(record));
    const confirmed = shadow.confirmedBy(record);
    this.#taintCounts(this.taint.recounted, shadow, (id) => !confirmed.has(id));
    this.trace.note(`e${node.number} has a copy`);
  }

  /** A life has ended with a row that was torn: what it had sent may be said once more. */
  taintTorn({ shadow }: EdgeNode, before: EdgeLinkRecord): void {
    this.#taintCounts(this.taint.recounted, shadow, () => true);
    const sent = shadow.carried.filter((frame) => frame.replicaEpoch === before.replicaEpoch);
    for (const { what } of this.ledger.of(sent.flatMap(({ ids }) => ids)))
      if (what.kind === "note") this.taint.doubtful.add(what.value);
    // The row may have said what the hub had confirmed.
    shadow.forgetConfirmed();
  }

  /** A life has ended because the hub knew another history: what it had sent may be said twice. */
  taintEnded({ shadow }: EdgeNode, before: EdgeLinkRecord): void {
    const confirmed = shadow.confirmedBy(before);
    const sent = new Set(shadow.carried.flatMap(({ ids }) => ids));
    this.#taintCounts(this.taint.saidTwice, shadow, (id) => sent.has(id) && !confirmed.has(id));
    shadow.endLife(before);
  }

  /** Own counts of a shadow that may be counted twice. */
  #taintCounts(
    sums: Map<string, readonly number[]>,
    { writes }: Shadow,
    isTwice: (id: number) => boolean,
  ): void {
    for (const { id, collection, key, what } of this.ledger.of(writes)) {
      if (what.kind !== "count" || !isTwice(id)) continue;
      const name = nameOf({ collection, key });
      const before = sums.get(name) ?? [];
      sums.set(
        name,
        what.by.map((part, i) => Math.abs(part) + (before[i] ?? 0)),
      );
    }
  }

  send(node: EdgeNode, bytes: Uint8Array, attempt: string, carried: readonly number[]): void {
    const { link, cursor, sent, ack } = node.replica.record;
    const where = `${link % 1000}: ${cursor.seq}, ${sent?.seq ?? "-"} of ${node.replica.head}; ${ack.seq}`;
    this.trace.note(
      `e${node.number} sends ${bytes.length} bytes (${where}) with ${carried.join()}`,
    );
    this.trace.bytes(bytes);
    this.network.send({ kind: "request", edge: node.number, attempt, bytes, carried });
  }

  /** One turn of an edge; it may stop in the middle. */
  turn(node: EdgeNode, rng: Prng, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MachineStopped)) throw error;
      this.crashEdge(node, rng);
    }
  }

  crashEdge(node: EdgeNode, rng: Prng): void {
    this.trace.note(`e${node.number} crashes`);
    node.crash(rng, this.plan.faults.has("torn-row"));
    this.tell((checker) => checker.onReopened?.(this, node, true));
  }

  /** One turn of the hub; if it stops in the middle, its shadow is put right by `settle`. */
  hubTurn<T>(rng: Prng, work: () => T, settle: (survived: boolean) => void): T | null {
    try {
      const result = work();
      this.hub.disk.sync();
      return result;
    } catch (error) {
      if (!(error instanceof MachineStopped)) throw error;
      this.trace.note("hub crashes in its turn");
      const survivors = this.hub.disk.crash(rng, this.plan.faults.has("torn-row"));
      this.hub.reopen();
      // What it had told its links is not known to it any more.
      if (!this.hub.replica.isWhole) this.taint.hubDamaged = true;
      settle(survivors > 0);
      this.tell((checker) => checker.onReopened?.(this, this.hub, true));
      return null;
    }
  }

  deliver(message: Message, rng: Prng): void {
    if (message.kind === "request") this.deliverRequest(message, rng);
    else this.#deliverAnswer(message, rng);
  }

  deliverRequest(request: Request, rng: Prng): void {
    const { hub } = this;
    const from = hub.replica.head;
    const before = hub.cursors();
    const open = hub.openLinks();
    this.#noteNewcomer(request.edge);
    const learn = (): void => hub.learn(this.ledger.of(request.carried), from, hub.replica.head);
    const nowMs = hub.nowMs();
    this.tell((checker) => checker.onRequest?.(this, request.edge, request.bytes));
    const done = this.hubTurn(
      rng,
      () => hub.exchange(request.bytes),
      () => {
        const cursors = hub.cursors();
        if ([...cursors].some(([link, seq]) => before.has(link) && before.get(link) !== seq))
          learn();
      },
    );
    if (done === null) return;
    const { exchange, isApplied } = done;
    this.exchanges += 1;
    this.lastLeg = legOf(exchange);
    if (isApplied) learn();
    // A link whose clock was ahead is given up by both ends.
    if (exchange.kind !== "answered" || exchange.outcome !== "clock-ahead")
      this.#noteForgotten(open);
    this.#noteNewcomer(request.edge);
    const outcome = exchange.kind === "answered" ? exchange.outcome : exchange.reason;
    this.trace.note(`hub takes a request of e${request.edge}: ${outcome}`);
    this.tell((checker) => checker.onExchange?.(this, exchange, isApplied, nowMs));
    if (exchange.kind !== "answered") return;
    this.trace.bytes(exchange.answer);
    const { additions } = hub.shadow;
    this.network.send({
      kind: "answer",
      edge: request.edge,
      attempt: request.attempt,
      bytes: exchange.answer,
      additions,
      additionCount: additions.length,
    });
  }

  #deliverAnswer(answer: Answer, rng: Prng): void {
    const node = this.edges[answer.edge];
    // An answer arrives on the connection that was asked on, or not at all.
    if (node === undefined || node.awaited !== answer.attempt) return;
    this.trace.note(`e${node.number} takes an answer`);
    this.turn(node, rng, () => node.hear(answer));
  }

  /** Commits some writes at an edge. */
  writeAt(node: EdgeNode, rng: Prng): void {
    const from = this.ledger.size;
    this.turn(node, rng, () => {
      const { unsynced } = node.disk;
      node.replica.write(node.nowMs(), (draft) => {
        for (let i = rng.between(1, 3); i > 0; i -= 1) this.#write(draft, rng, node);
        node.noteShadow(unsynced);
      });
      node.sync();
      this.tell((checker) => checker.onWritten?.(this, node, from));
    });
    this.trace.note(`e${node.number} writes ${this.#namesFrom(from)}`);
  }

  writeAtHub(rng: Prng): void {
    const before = this.hub.shadow.copy();
    const from = this.ledger.size;
    this.hubTurn(
      rng,
      () => this.hub.replica.write(this.hub.nowMs(), (draft) => this.#write(draft, rng, null)),
      (survived) => {
        if (!survived) this.hub.shadow = before;
      },
    );
    this.trace.note(`hub writes ${this.#namesFrom(from)}`);
  }

  /** Makes one write at an edge, or at the hub. */
  #write(draft: Draft, rng: Prng, node: EdgeNode | null): void {
    const shadow: Shadow = node?.shadow ?? this.hub.shadow;
    const workloads = this.plan.workloads.filter((name) => node === null || name !== "hub");
    const name = workloads.length === 0 ? "chains" : rng.pick(workloads);
    const headBefore = this.hub.replica.head;
    const made = makeWrite(name, {
      rng,
      draft,
      text: `w${this.ledger.size}`,
      shadow,
      isHub: node === null,
      isUnsure: node !== null && node.replica.record.isPulling,
      context: node?.replica.record.ack.seq ?? Infinity,
      additionsTo: (collection, key, ids) =>
        ids.filter((id) => {
          const write = this.ledger.get(id);
          return write.what.kind === "add" && write.collection === collection && write.key === key;
        }),
    });
    if (made === null) return;
    const author = node === null ? { node: -1, link: 0 } : authorOf(node);
    const seq = (node ?? this.hub).replica.head;
    const write = this.ledger.record({ ...made, ...author, seq, life: draft.life });
    if (node === null) this.hub.learn([write], headBefore, this.hub.replica.head);
    else shadow.add(write.id);
  }

  tell(what: (checker: Checker) => void): void {
    for (const checker of this.checkers) what(checker);
  }

  #namesFrom(from: number): string {
    const writes = this.ledger.all().slice(from);
    return writes
      .map(({ id, collection, key, what }) => `w${id}:${what.kind} ${collection.id}/${key}`)
      .join(", ");
  }

  /**
   * A link that the hub has told nothing yet holds back no collection: what it has not sent of a key
   * that can be deleted may be older than a deletion that is forgotten.
   */
  #noteNewcomer(number: number): void {
    const node = this.edges[number];
    const isNew = node !== undefined && (this.hub.linkOf(node.replica.record)?.told.seq ?? 0) === 0;
    if (!isNew) return;
    const { cursor } = node.replica.record;
    for (const write of this.ledger.of(node.shadow.writes))
      if (write.seq > cursor.seq || node.replica.record.isPulling)
        this.taint.vague.add(nameOf(write));
  }

  /** A link that is gone while its replica still lives that life. */
  #noteForgotten(before: ReadonlySet<number>): void {
    const gone = before.difference(this.hub.openLinks());
    if (this.edges.some(({ replica }) => gone.has(replica.record.link)))
      this.taint.forgotten = true;
  }
}

function legOf(exchange: Exchange): Leg {
  const isAnswered = exchange.kind === "answered";
  return {
    isApplied: isAnswered && exchange.outcome === "applied",
    groups: isAnswered ? (exchange.frame?.groups.length ?? 0) : 0,
  };
}

/** The life that a link's record tells of. */
function lifeOf({ replica, replicaEpoch }: EdgeLinkRecord): ReplicaKey {
  return replicaKey(replica, replicaEpoch);
}

function authorOf({ number, replica }: EdgeNode): { readonly node: number; readonly link: number } {
  return { node: number, link: replica.record.link };
}

function watchOf(world: World): EdgeWatch {
  return {
    onCut: (node, cut) => world.tell((checker) => checker.onCut?.(world, node, cut)),
    onSend: (node, bytes, kept) =>
      world.tell((checker) => checker.onSend?.(world, node, bytes, kept)),
    onAbsorb: (node, state) => world.tell((checker) => checker.onAbsorb?.(world, node, state)),
    onRecord: (node, before) => world.tell((checker) => checker.onRecord?.(world, node, before)),
    onTorn: (node, before) => world.taintTorn(node, before),
    onEnded: (node, before) => world.taintEnded(node, before),
    onRestamp(node, before) {
      noteRestamp(world, node, before);
      world.tell((checker) => checker.onRestamp?.(world, node, before));
    },
  };
}
