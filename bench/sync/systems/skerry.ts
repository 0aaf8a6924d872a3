// sync/ as it is: replicas stored in database files, the link's state machine on both ends, every
// frame with its checksum. A report is a commit of its own, because its stamp says when it was made;
// counts and members that come together are one.

import path from "node:path";
import { parseReplicaId } from "../../../sync/brand.ts";
import { write } from "../../../sync/crdt/lww-register.ts";
import {
  openEdgeLink,
  stepEdgeLink,
  type EdgeLink,
  type EdgeLinkEvent,
  type EdgeLinkOptions,
} from "../../../sync/link/edge.ts";
import { componentKey, nameOfComponent } from "../../../sync/replica/component.ts";
import type { Draft } from "../../../sync/replica/draft.ts";
import { EdgeReplica } from "../../../sync/replica/edge-replica.ts";
import { HubReplica } from "../../../sync/replica/hub-replica.ts";
import { collection } from "../../../sync/replica/kind.ts";
import { lwwKind, setKind } from "../../../sync/replica/kinds.ts";
import type { ReplicaStore, StoredReplica } from "../../../sync/replica/store.ts";
import { gTotalKind } from "../../../sync/replica/totals.ts";
import { EdgeSketch } from "../../../sync/sketch/edge.ts";
import { SketchingHub } from "../../../sync/sketch/hub.ts";
import { EdgeRangeCoder, HubRangeCoder } from "../../../sync/wire/range/encoding.ts";
import { REPLICA_TABLES, SqlReplicaStore } from "../../../storage/sql-replica-store.ts";
import { migrate } from "../../../storage/sql.ts";
import { openFileSql, type FileSql } from "../../storage/file-sql.ts";
import { Draw } from "../draw.ts";
import {
  fieldKey,
  HUB,
  type Message,
  type Op,
  type Replica,
  type Setting,
  type System,
  type Total,
} from "../system.ts";

const FIELDS = collection(1, "both", lwwKind);
const COUNTS = collection(2, "both", gTotalKind);
const SUMS = collection(3, "both", gTotalKind);
const MEMBERS = collection(4, "both", setKind);
const COLLECTIONS = [FIELDS, COUNTS, SUMS, MEMBERS];
const RETRY = { retryMsMin: 250, retryMsMax: 2_000 };
const LEASE_MS = 30 * 86_400_000;

/** A store that tells how long it took: the peers store nothing. */
class TimedStore implements ReplicaStore {
  readonly #store: ReplicaStore;
  tookMs = 0;

  constructor(store: ReplicaStore) {
    this.#store = store;
  }

  load(): StoredReplica {
    return this.#store.load();
  }

  append(row: Uint8Array): void {
    const startedMs = performance.now();
    this.#store.append(row);
    this.tookMs += performance.now() - startedMs;
  }

  checkpoint(pages: ReadonlyMap<number, Uint8Array | null>): void {
    const startedMs = performance.now();
    this.#store.checkpoint(pages);
    this.tookMs += performance.now() - startedMs;
  }
}

/** An edge, and the end of its link. */
interface Edge {
  replica: EdgeReplica;
  link: EdgeLink;
  readonly options: EdgeLinkOptions;
}

class Skerry implements System {
  readonly #setting: Setting;
  readonly #draw = new Draw(6);
  readonly #files: FileSql[] = [];
  readonly #stores: TimedStore[];
  readonly #hubStore: TimedStore;
  readonly #hub: HubReplica;
  readonly #edges: Edge[];

  readonly #isPlain: boolean;

  /** @param isPlain Whether its links speak the plain encoding only, and without sketches. */
  constructor(setting: Setting, isPlain: boolean) {
    this.#setting = setting;
    this.#isPlain = isPlain;
    this.#hubStore = this.#storeOf("hub");
    this.#stores = setting.edges.map((name) => this.#storeOf(name));
    const { quantumMs } = setting;
    this.#hub = new (isPlain ? HubReplica : SketchingHub)({
      collections: COLLECTIONS,
      store: this.#hubStore,
      newNumber: this.#number,
      leaseMs: LEASE_MS,
      quantumMs,
    });
    if (!isPlain) new HubRangeCoder().serve(this.#hub);
    this.#edges = setting.edges.map((_, edge) => this.#openEdge(edge));
  }

  /** 1 to 2^32 - 1: as long on the wire as chance makes it. */
  readonly #number = (): number => 1 + this.#draw.below(2 ** 32 - 1);

  #storeOf(name: string): TimedStore {
    const sql = openFileSql(path.join(this.#setting.dir, `${name}.sqlite`));
    migrate(sql, [REPLICA_TABLES]);
    this.#files.push(sql);
    return new TimedStore(new SqlReplicaStore(sql));
  }

  #openEdge(edge: number): Edge {
    const id = parseReplicaId(`${this.#setting.edges[edge]}/00-ff`);
    const store = this.#stores[edge];
    if (id === null || store === undefined) throw new TypeError("Not an edge");
    const replica = new EdgeReplica({
      replica: id,
      collections: COLLECTIONS,
      store,
      newEpoch: this.#number,
      quantumMs: this.#setting.quantumMs,
    });
    const options = this.#isPlain
      ? RETRY
      : new EdgeSketch(() => replica, COLLECTIONS).serve(new EdgeRangeCoder().serve(RETRY));
    return { replica, link: openEdgeLink(replica.record), options };
  }

  #edgeAt(edge: number): Edge {
    const found = this.#edges[edge];
    if (found === undefined) throw new RangeError(`There is no edge ${edge}`);
    return found;
  }

  #at(replica: Replica): EdgeReplica | HubReplica {
    return replica === HUB ? this.#hub : this.#edgeAt(replica).replica;
  }

  write(replica: Replica, ops: readonly Op[]): void {
    const at = this.#at(replica);
    const rest = ops.filter((op) => op.kind !== "report");
    at.together(() => {
      for (const op of ops) if (op.kind === "report") at.write(op.atMs, (draft) => put(draft, op));
    });
    const last = rest.at(-1);
    if (last) at.write(last.atMs, (draft) => rest.forEach((op) => put(draft, op)));
  }

  up(edge: number, nowMs: number): Message[] {
    return this.#run(edge, false, nowMs);
  }

  /** An edge asks: the hub answers with what it has. */
  down(edge: number, nowMs: number): Message[] {
    return this.#run(edge, true, nowMs);
  }

  resync(edge: number, nowMs: number): Message[] {
    return this.#run(edge, true, nowMs);
  }

  /** Runs an edge's link until it is at rest. */
  #run(edge: number, isHeartbeat: boolean, nowMs: number): Message[] {
    const at = this.#edgeAt(edge);
    const messages: Message[] = [];
    let event: EdgeLinkEvent | null = { kind: "wake", isHeartbeat };
    while (event !== null) {
      const step = stepEdgeLink(at.link, event, at.options);
      at.link = step.state;
      event = null;
      for (const effect of step.effects) {
        if (effect.kind === "cut")
          event = { kind: "cut", cut: at.replica.cut(effect.isWhole), nowMs };
        else if (effect.kind === "save") at.replica.save(effect.record);
        else if (effect.kind === "absorb") at.replica.absorb(effect.state, effect.record);
        else if (effect.kind === "send") {
          const frame = this.#exchange(effect.request, nowMs);
          messages.push({ way: "up", bytes: effect.request }, { way: "down", bytes: frame });
          event = { kind: "answer", frame, nowMs };
        } else if (effect.kind !== "at-rest") throw new Error(`The link came to ${effect.kind}`);
      }
    }
    return messages;
  }

  #exchange(request: Uint8Array, nowMs: number): Uint8Array {
    const exchange = this.#hub.exchange(request, nowMs);
    if (exchange.kind !== "answered") throw new Error(`A request was answered ${exchange.reason}`);
    return exchange.answer;
  }

  /** A life that the hub has not met knows nothing of where it stood. */
  reopen(edge: number, isLost: boolean): void {
    const at = this.#openEdge(edge);
    if (isLost) at.replica.renew();
    this.#edges[edge] = { ...at, link: openEdgeLink(at.replica.record) };
  }

  fields(replica: Replica): ReadonlyMap<string, number> {
    const all = this.#at(replica).readAll(FIELDS);
    return new Map([...all].map(([key, { value }]) => [key, Number(value)]));
  }

  totals(replica: Replica): ReadonlyMap<string, Total> {
    const totals = new Map<string, Total>();
    const at = this.#at(replica);
    const sums = at.readAll(SUMS);
    for (const [key, count] of at.readAll(COUNTS)) {
      const name = nameOfComponent(key);
      const [counted, sum] = totals.get(name) ?? [0, 0];
      totals.set(name, [counted + count, sum + (sums.get(key) ?? 0)]);
    }
    return totals;
  }

  members(replica: Replica): ReadonlySet<string> {
    return new Set(this.#at(replica).readAll(MEMBERS).keys());
  }

  snapshot(): readonly Uint8Array[] {
    this.#hub.checkpoint();
    const { pages, rows } = this.#hubStore.load();
    return [...pages, ...rows];
  }

  figures(): Readonly<Record<string, number>> {
    const stores = [this.#hubStore, ...this.#stores];
    return { storeS: stores.reduce((sum, { tookMs }) => sum + tookMs, 0) / 1_000 };
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

function put(draft: Draft, op: Op): void {
  const { stamp, life } = draft;
  switch (op.kind) {
    case "report":
      for (const [field, value] of op.fields)
        draft.write(FIELDS, fieldKey(op.device, field), write(value, stamp));
      return;
    case "count": {
      const key = componentKey(op.device, life);
      draft.write(COUNTS, key, (draft.read(COUNTS, key) ?? 0) + 1);
      draft.write(SUMS, key, (draft.read(SUMS, key) ?? 0) + op.by);
      return;
    }
    case "add":
      draft.write(MEMBERS, op.id, { kind: "add", value: true });
      return;
    case "remove":
      draft.write(MEMBERS, op.id, { kind: "remove" });
  }
}

export const open = (setting: Setting): System => new Skerry(setting, false);
export const openPlain = (setting: Setting): System => new Skerry(setting, true);
