// Loro: a LoroMap a device, a LoroCounter a device and figure; a commit for what is written together. Updates since the version that the other is known to have; to store, the shallow snapshot
// or the whole one, whichever is smaller.

import { LoroDoc, LoroMap, VersionVector, type PeerID } from "loro-crdt";
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

type Devices = Record<string, Record<string, number>>;

class Loro implements System {
  readonly #docs = new Map<Replica, LoroDoc>();
  readonly #counting: readonly string[];
  /** What both ends of an edge's link have, as both know. */
  readonly #agreed = new Map<number, VersionVector>();
  #opened = 0;

  constructor({ edges, counting }: Setting) {
    this.#counting = counting;
    for (let replica = HUB; replica < edges.length; replica += 1) this.#open(replica, null);
  }

  #open(replica: Replica, stored: Uint8Array | null): void {
    const doc = new LoroDoc();
    this.#opened += 1;
    const peer = BigInt.asUintN(64, 0x9e3779b97f4a7c15n * BigInt(this.#opened));
    doc.setPeerId(`${peer}` as PeerID);
    if (stored) doc.import(stored);
    this.#docs.set(replica, doc);
  }

  #at(replica: Replica): LoroDoc {
    const doc = this.#docs.get(replica);
    if (doc === undefined) throw new RangeError(`There is no replica ${replica}`);
    return doc;
  }

  write(replica: Replica, ops: readonly Op[]): void {
    const doc = this.#at(replica);
    const map = doc.getMap("state");
    for (const op of ops) {
      if (op.kind === "report") {
        const device = map.getOrCreateContainer(op.device, new LoroMap());
        for (const [field, value] of op.fields) device.set(field, value);
      } else if (op.kind === "add") map.set(op.id, true);
      else if (op.kind === "remove") map.delete(op.id);
    }
    for (const [device, [count, sum]] of tally(ops)) {
      doc.getCounter(`${device}#`).increment(count);
      doc.getCounter(`${device}+`).increment(sum);
    }
    doc.commit();
  }

  up(edge: number): Message[] {
    return this.#send(edge, HUB, edge, "up");
  }

  down(edge: number): Message[] {
    return this.#send(HUB, edge, edge, "down");
  }

  #send(from: Replica, to: Replica, edge: number, way: Message["way"]): Message[] {
    const [sender, receiver] = [this.#at(from), this.#at(to)];
    const since = this.#agreed.get(edge) ?? new VersionVector(null);
    if (sender.oplogVersion().compare(since) === 0) return [];
    const bytes = sender.export({ mode: "update", from: since });
    receiver.import(bytes);
    // The receiver holds everything that the sender does.
    this.#agreed.set(edge, sender.oplogVersion());
    return [{ way, bytes }];
  }

  /** Version vectors, and what each lacks. */
  resync(edge: number): Message[] {
    const [low, high] = [this.#at(edge), this.#at(HUB)];
    const asked = low.oplogVersion();
    const told = high.export({ mode: "update", from: asked });
    const before = high.oplogVersion();
    low.import(told);
    const messages: Message[] = [
      { way: "up", bytes: asked.encode() },
      { way: "down", bytes: told },
    ];
    // The edge has told what it has: it sends only if the hub lacks something.
    if ((before.compare(asked) ?? -1) < 0) {
      const bytes = low.export({ mode: "update", from: before });
      high.import(bytes);
      messages.push({ way: "down", bytes: before.encode() }, { way: "up", bytes });
    }
    this.#agreed.set(edge, low.oplogVersion());
    return messages;
  }

  reopen(edge: number): void {
    const stored = this.#at(edge).export({ mode: "snapshot" });
    this.#at(edge).free();
    this.#open(edge, stored);
  }

  fields(replica: Replica): ReadonlyMap<string, number> {
    const state = this.#at(replica).getMap("state").toJSON() as Devices;
    return new Map(
      Object.entries(state).flatMap(([device, fields]) =>
        Object.entries(fields).map(([field, value]) => [fieldKey(device, field), value]),
      ),
    );
  }

  totals(replica: Replica): ReadonlyMap<string, Total> {
    const doc = this.#at(replica);
    const all = this.#counting.map((device): [string, Total] => [
      device,
      [doc.getCounter(`${device}#`).value, doc.getCounter(`${device}+`).value],
    ]);
    return new Map(all.filter(([, [count]]) => count > 0));
  }

  members(replica: Replica): ReadonlySet<string> {
    return new Set(this.#at(replica).getMap("state").keys());
  }

  snapshot(): readonly Uint8Array[] {
    const doc = this.#at(HUB);
    const whole = doc.export({ mode: "snapshot" });
    const shallow = doc.export({ mode: "shallow-snapshot", frontiers: doc.frontiers() });
    return [shallow.length < whole.length ? shallow : whole];
  }

  close(): void {
    for (const doc of this.#docs.values()) doc.free();
  }
}

export const open = (setting: Setting): System => new Loro(setting);
