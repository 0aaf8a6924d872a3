// What is a state, and what can happen next? The real replicas and link state machines on disks in
// memory, one action at a time. A message that was sent may arrive now, later or never, and in any
// order; an answer arrives on the connection that waits for it or not at all.

import type { ReplicaId } from "../../../sync/brand.ts";
import {
  openEdgeLink,
  stepEdgeLink,
  type EdgeLinkEffect,
  type EdgeLinkEvent,
} from "../../../sync/link/edge.ts";
import { EdgeReplica } from "../../../sync/replica/edge-replica.ts";
import { HubReplica } from "../../../sync/replica/hub-replica.ts";
import { Disk } from "./disk.ts";
import {
  apply,
  COLLECTIONS,
  expected,
  shownBy,
  type Fault,
  type Model,
  type Write,
} from "./model.ts";
import {
  assertForward,
  assertShown,
  hex,
  nameEdge,
  nameHub,
  nameMessages,
  textOf,
  Violation,
  type Answer,
  type Edge,
  type Request,
} from "./state.ts";

/** Something that happens: to the edge, the hub, or a message by its place in the network. */
export type Action =
  | `${"write" | "exchange" | "wake" | "crash" | "copy" | "restore"} ${number}`
  | `${"deliver" | "repeat" | "answer"} ${number}`
  | "crash hub"
  | "end lease";

const START_MS = 1_800_000_000_000;
const LEASE_MS = 86_400_000;
const RETRY = { retryMsMin: 1, retryMsMax: 1 };
/** Exchanges that must be enough for both edges to be at rest, once nothing goes wrong. */
const EXCHANGES_MAX = 40;

export class World {
  readonly #model: Model;
  readonly #writes: Write[] = [];
  readonly #edges: readonly Edge[];
  #hubDisk = new Disk();
  #hub: HubReplica;
  #speaker = 0;
  #links = [0, 0];
  #nowMs = START_MS;
  /** Requests that are on their way, in the order in which they were sent. */
  #requests: Request[] = [];
  #answers: Answer[] = [];
  #left: Record<Fault, number>;
  /** What the hub has heard on each link since it was opened: its dictionaries follow from that. */
  #heard = new Map<number, string[]>();

  constructor(model: Model) {
    this.#model = model;
    this.#left = { ...model.faults };
    this.#hub = this.#openHub();
    this.#edges = ["north/r", "south/r"].map((name, number) => {
      const edge = { number, id: name as ReplicaId, disk: new Disk(), lives: 0 } as Edge;
      return Object.assign(
        edge,
        { saved: null, done: 0, opened: 0, awaited: 0 },
        this.#opened(edge),
      );
    });
  }

  /** Lets both edges find the hub: the shortest way to where anything can be sent. */
  begin(): void {
    for (const edge of this.#edges) this.#rest(edge, () => undefined);
  }

  #openHub(): HubReplica {
    this.#heard.clear();
    return new HubReplica({
      collections: COLLECTIONS,
      store: this.#hubDisk,
      // By who asks and not by when, so that ways that differ in their order lead to one state.
      newNumber: () =>
        1_000 * (this.#speaker + 1) +
        (this.#links[this.#speaker] = (this.#links[this.#speaker] ?? 0) + 1),
      leaseMs: LEASE_MS,
    });
  }

  #opened(edge: Edge): Pick<Edge, "replica" | "link"> {
    const replica = new EdgeReplica({
      replica: edge.id,
      collections: COLLECTIONS,
      store: edge.disk,
      newEpoch: () => 100 * (edge.number + 1) + (edge.lives += 1),
    });
    return { replica, link: openEdgeLink(replica.record) };
  }

  /** Lists what can happen now. */
  actions(): Action[] {
    const left = this.#left;
    const repeated = left.repeat > 0 ? [...this.#requests.keys()] : [];
    return [
      ...this.#edges.flatMap((edge) => this.#actionsOf(edge)),
      ...[...this.#requests.keys()].map((at): Action => `deliver ${at}`),
      ...repeated.map((at): Action => `repeat ${at}`),
      ...[...this.#answers.keys()].map((at): Action => `answer ${at}`),
      ...(left["crash-hub"] > 0 ? (["crash hub"] as const) : []),
      ...(left.lease > 0 ? (["end lease"] as const) : []),
    ];
  }

  #actionsOf({ number, done, saved }: Edge): Action[] {
    const { crash, copy, restore } = this.#left;
    const actions: Action[] = [`exchange ${number}`, `wake ${number}`];
    if (done < (this.#model.scripts[number]?.length ?? 0)) actions.push(`write ${number}`);
    if (crash > 0) actions.push(`crash ${number}`);
    if (copy > 0) actions.push(`copy ${number}`);
    if (restore > 0 && saved !== null) actions.push(`restore ${number}`);
    return actions;
  }

  /** Does one thing. Throws a Violation for what must never be. */
  act(action: Action): void {
    const [what, at = ""] = action.split(" ");
    if (action === "crash hub") {
      this.#left["crash-hub"] -= 1;
      this.#hub = this.#openHub();
    } else if (action === "end lease") {
      this.#left.lease -= 1;
      this.#nowMs += LEASE_MS + 1;
    } else if (what === "deliver" || what === "repeat")
      this.#deliver(Number(at), what === "repeat");
    else if (what === "answer") this.#hear(this.#answers.splice(Number(at), 1)[0] as Answer);
    else this.#actAt(what ?? "", this.#edges[Number(at)] as Edge);
  }

  #actAt(what: string, edge: Edge): void {
    switch (what) {
      case "write":
        this.#write(edge);
        return;
      case "exchange":
        this.#wakeAndHear(edge);
        return;
      case "wake":
        this.#feed(edge, { kind: "wake", isHeartbeat: true });
        return;
      case "crash":
        this.#left.crash -= 1;
        this.#reopen(edge);
        return;
      case "copy":
        this.#left.copy -= 1;
        edge.saved = edge.disk.copy();
        return;
      case "restore":
        this.#left.restore -= 1;
        edge.disk = edge.saved?.copy() ?? new Disk();
        this.#reopen(edge);
        return;
      default:
        throw new TypeError(`There is no action ${what}`);
    }
  }

  /** A request, and its answer, as the network does most of the time. */
  #wakeAndHear(edge: Edge): void {
    this.#feed(edge, { kind: "wake", isHeartbeat: true });
    const request = this.#requests.pop();
    const answer = request === undefined ? null : this.#exchange(request);
    if (answer !== null) this.#hear(answer);
  }

  #write(edge: Edge): void {
    const step = this.#model.scripts[edge.number]?.[edge.done];
    if (step === undefined) throw new TypeError("The script is over");
    edge.done += 1;
    // By who writes and what, as the numbers of links.
    const id = 10 * (edge.number + 1) + edge.done;
    const seen = new Set(edge.disk.known);
    edge.replica.write(this.#nowMs, (draft) => {
      apply(this.#model, draft, step, id);
      this.#writes.push({ id, verb: step[0], key: step[1], stamp: draft.stamp, seen });
    });
    edge.disk.known.add(id);
  }

  #reopen(edge: Edge): void {
    Object.assign(edge, this.#opened(edge));
    edge.opened += 1;
    this.#hangUp(edge);
  }

  /** Nothing that is under way is heard any more. */
  #hangUp(edge: Edge): void {
    edge.awaited += 1;
    this.#answers = this.#answers.filter(({ edge: number }) => number !== edge.number);
  }

  #deliver(at: number, isKept: boolean): void {
    const request = this.#requests[at] as Request;
    if (isKept) this.#left.repeat -= 1;
    else this.#requests.splice(at, 1);
    const answer = this.#exchange(request);
    const { edge, connection } = request;
    if (this.#edges[edge]?.awaited !== connection || answer === null) return;
    const isThere = this.#answers.some((other) => other.edge === edge);
    if (!isThere) this.#answers.push(answer);
  }

  #exchange({ edge, connection, bytes, carried }: Request): Answer | null {
    this.#speaker = edge;
    const exchange = this.#hub.exchange(bytes, this.#nowMs);
    if (exchange.kind !== "answered") throw new Violation(`The hub said ${exchange.reason}`);
    const { outcome, frame, answer } = exchange;
    if (outcome === "applied" && frame !== null) {
      if (frame.to > frame.from.seq) for (const id of carried) this.#hubDisk.known.add(id);
      const link = frame.speaker.kind === "link" ? frame.speaker.link : 0;
      const heard = this.#heard.get(link) ?? [];
      this.#heard.set(link, heard);
      const digest = hex(bytes.subarray(-4));
      if (heard.at(-1) !== digest) heard.push(digest);
    }
    return { edge, connection, bytes: answer, told: [...this.#hubDisk.known] };
  }

  #hear({ edge: number, bytes, told }: Answer): void {
    const edge = this.#edges[number] as Edge;
    edge.awaited += 1;
    this.#feed(
      edge,
      {
        kind: "answer",
        frame: bytes,
        nowMs: this.#nowMs,
      },
      told,
    );
  }

  #feed(edge: Edge, first: EdgeLinkEvent, told: readonly number[] = []): void {
    let event: EdgeLinkEvent | null = first;
    while (event !== null) {
      const before = edge.replica.record;
      const step = stepEdgeLink(edge.link, event, RETRY);
      edge.link = step.state;
      event = null;
      for (const effect of step.effects) event = this.#interpret(edge, effect, told) ?? event;
      assertForward(before, edge.replica.record);
    }
  }

  #interpret(edge: Edge, effect: EdgeLinkEffect, told: readonly number[]): EdgeLinkEvent | null {
    const { replica, disk } = edge;
    switch (effect.kind) {
      case "cut":
        return { kind: "cut", cut: replica.cut(effect.isWhole), nowMs: this.#nowMs };
      case "save":
        replica.save(effect.record);
        return null;
      case "absorb":
        if (!replica.absorb(effect.state, effect.record))
          throw new Violation("An answer cannot be taken in");
        for (const id of told) disk.known.add(id);
        return null;
      case "send":
        this.#send(edge, effect.request);
        return null;
      case "renew":
      case "restamp":
        if (effect.kind === "renew") replica.renew();
        else replica.restamp(effect.hubNowMs);
        edge.link = openEdgeLink(replica.record);
        this.#hangUp(edge);
        return null;
      case "at-rest":
      case "set-timer":
        return null;
    }
  }

  #send(edge: Edge, bytes: Uint8Array): void {
    this.#hangUp(edge);
    const carried = [...edge.disk.known];
    const connection = edge.awaited;
    // The same bytes once more, while the network has them: one of them may arrive later.
    const isThere = (other: Request): boolean =>
      other.edge === edge.number && hex(other.bytes) === hex(bytes);
    this.#requests = this.#requests.filter((other) => !isThere(other));
    this.#requests.push({ edge: edge.number, connection, bytes, carried });
  }

  /** Names the state: equal names, equal futures. */
  name(): string {
    return textOf({
      edges: this.#edges.map((edge) => nameEdge(edge, this.#requests)),
      hub: nameHub(this.#hub, this.#hubDisk, this.#heard),
      requests: nameMessages(this.#requests),
      answers: nameMessages(this.#answers),
      writes: this.#writes,
      left: this.#left,
      nowMs: this.#nowMs,
    });
  }

  /** Lets everything be well from now on, and checks where it ends. The world is used up by that. */
  settle(): void {
    this.#requests = [];
    this.#answers = [];
    const owed = this.#owed();
    let exchanges = 0;
    for (let round = 0; round < 6; round += 1)
      for (const edge of this.#edges)
        this.#rest(edge, () => {
          exchanges += 1;
          if (exchanges > EXCHANGES_MAX) throw new Violation("The links do not come to rest");
        });
    const wanted = expected(this.#model, owed);
    assertShown("the hub", shownBy(this.#model, this.#hub), wanted);
    for (const { id, replica } of this.#edges)
      assertShown(id, shownBy(this.#model, replica), wanted);
  }

  /** Runs an edge's link until it has nothing to say. */
  #rest(edge: Edge, onExchange: () => void): void {
    this.#hangUp(edge);
    this.#feed(edge, { kind: "wake", isHeartbeat: true });
    for (let request = this.#requests.pop(); request; request = this.#requests.pop()) {
      onExchange();
      const answer = this.#exchange(request);
      if (answer !== null) this.#hear(answer);
      // A life that has ended begins another by itself.
      if (edge.link.phase.kind === "idle" && edge.link.record.link === 0)
        this.#feed(edge, { kind: "wake", isHeartbeat: true });
    }
  }

  /** What is on a disk of somebody who lives. */
  #owed(): Write[] {
    const known = new Set(this.#hubDisk.known);
    for (const { disk } of this.#edges) for (const id of disk.known) known.add(id);
    return this.#writes.filter(({ id }) => known.has(id));
  }
}
