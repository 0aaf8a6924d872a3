// Automerge: a map a device, a Counter a device and figure; one change for what is written
// together. While a link is live, the changes since the heads that the other is known to have; when
// neither knows, its sync protocol.

import * as Automerge from "@automerge/automerge";
import { smallerBytes } from "../meter.ts";
import {
  fieldKey,
  HUB,
  tally,
  type Message,
  type Op,
  type Replica,
  type Setting,
  type System,
  type Total,
} from "../system.ts";

interface Counters {
  readonly count: Automerge.Counter;
  readonly sum: Automerge.Counter;
}

interface State extends Record<string, unknown> {
  readonly fields: Record<string, Record<string, number>>;
  readonly members: Record<string, boolean>;
  readonly counters: Record<string, Counters>;
}

type Doc = Automerge.Doc<State>;

class AutomergeSystem implements System {
  readonly #docs = new Map<Replica, Doc>();
  /** Heads of what both ends of an edge's link have. */
  readonly #agreed = new Map<number, Automerge.Heads>();
  /** Changes that a replica has made since it last sent some. */
  readonly #made = new Map<Replica, number>();
  #opened = 0;

  constructor({ edges, counting }: Setting) {
    const first = Automerge.from<State>(
      {
        fields: {},
        members: {},
        counters: Object.fromEntries(
          counting.map((device) => [
            device,
            { count: new Automerge.Counter(0), sum: new Automerge.Counter(0) },
          ]),
        ),
      },
      { actor: this.#actor() },
    );
    // Maps that two replicas make are two maps: all begin with the hub's.
    const stored = Automerge.save(first);
    this.#docs.set(HUB, first);
    for (const edge of edges.keys()) this.#open(edge, stored);
  }

  #actor(): string {
    this.#opened += 1;
    const [high, low] = [0x9e3779b97f4a7c15n, 0xc2b2ae3d27d4eb4fn].map((odd) =>
      BigInt.asUintN(64, odd * BigInt(this.#opened))
        .toString(16)
        .padStart(16, "0"),
    );
    return `${high}${low}`;
  }

  #open(edge: number, stored: Uint8Array): void {
    this.#docs.set(edge, Automerge.load<State>(stored, { actor: this.#actor() }));
  }

  #at(replica: Replica): Doc {
    const doc = this.#docs.get(replica);
    if (doc === undefined) throw new RangeError(`There is no replica ${replica}`);
    return doc;
  }

  write(replica: Replica, ops: readonly Op[]): void {
    // Without a time: it would be written into every change.
    const next = Automerge.change(this.#at(replica), { time: 0 }, (state) => {
      for (const op of ops) put(state, op);
      for (const [device, [count, sum]] of tally(ops)) {
        state.counters[device]?.count.increment(count);
        state.counters[device]?.sum.increment(sum);
      }
    });
    this.#docs.set(replica, next);
    this.#made.set(replica, (this.#made.get(replica) ?? 0) + 1);
  }

  up(edge: number): Message[] {
    return this.#send(edge, HUB, edge, "up");
  }

  down(edge: number): Message[] {
    return this.#send(HUB, edge, edge, "down");
  }

  #send(from: Replica, to: Replica, edge: number, way: Message["way"]): Message[] {
    const sender = this.#at(from);
    const changes = Automerge.saveSince(sender, this.#agreed.get(edge) ?? []);
    const isBacklog = way === "up" && (this.#made.get(from) ?? 0) > 1;
    const bytes = isBacklog ? smallerOf(changes, sender) : changes;
    this.#made.set(from, 0);
    this.#docs.set(to, Automerge.loadIncremental(this.#at(to), bytes));
    this.#agreed.set(edge, Automerge.getHeads(sender));
    return bytes.length === 0 ? [] : [{ way, bytes }];
  }

  resync(edge: number): Message[] {
    const messages: Message[] = [];
    let [low, high] = [Automerge.initSyncState(), Automerge.initSyncState()];
    for (let isBusy = true; isBusy;) {
      const up = Automerge.generateSyncMessage(this.#at(edge), low);
      low = up[0];
      if (up[1]) {
        const heard = Automerge.receiveSyncMessage(this.#at(HUB), high, up[1]);
        [high] = [heard[1]];
        this.#docs.set(HUB, heard[0]);
        messages.push({ way: "up", bytes: up[1] });
      }
      const down = Automerge.generateSyncMessage(this.#at(HUB), high);
      high = down[0];
      if (down[1]) {
        const heard = Automerge.receiveSyncMessage(this.#at(edge), low, down[1]);
        [low] = [heard[1]];
        this.#docs.set(edge, heard[0]);
        messages.push({ way: "down", bytes: down[1] });
      }
      isBusy = up[1] !== null || down[1] !== null;
    }
    this.#agreed.set(edge, Automerge.getHeads(this.#at(edge)));
    return messages;
  }

  reopen(edge: number): void {
    this.#open(edge, Automerge.save(this.#at(edge)));
  }

  fields(replica: Replica): ReadonlyMap<string, number> {
    return new Map(
      Object.entries(this.#at(replica).fields).flatMap(([device, fields]) =>
        Object.entries(fields).map(([field, value]) => [fieldKey(device, field), value]),
      ),
    );
  }

  totals(replica: Replica): ReadonlyMap<string, Total> {
    const all = Object.entries(this.#at(replica).counters).map(
      ([device, { count, sum }]): [string, Total] => [device, [count.value, sum.value]],
    );
    return new Map(all.filter(([, [count]]) => count > 0));
  }

  members(replica: Replica): ReadonlySet<string> {
    return new Set(Object.keys(this.#at(replica).members));
  }

  snapshot(): readonly Uint8Array[] {
    return [Automerge.save(this.#at(HUB))];
  }

  close(): void {
    for (const doc of this.#docs.values()) Automerge.free(doc);
  }
}

/** After a partition the whole document may be less than all changes one by one. */
function smallerOf(changes: Uint8Array, doc: Doc): Uint8Array {
  const whole = Automerge.save(doc);
  return smallerBytes(whole) < smallerBytes(changes) ? whole : changes;
}

function put(state: State, op: Op): void {
  switch (op.kind) {
    case "report":
      state.fields[op.device] ??= {};
      Object.assign(state.fields[op.device] ?? {}, Object.fromEntries(op.fields));
      return;
    case "count":
      return;
    case "add":
      state.members[op.id] = true;
      return;
    case "remove":
      Reflect.deleteProperty(state.members, op.id);
  }
}

export const open = (setting: Setting): System => new AutomergeSystem(setting);
