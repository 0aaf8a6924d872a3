// Yjs: one Y.Map of `device/field`; a transaction for what is written together. While a link is live
// the updates themselves travel, merged; after a partition what the other's state vector lacks. Format
// version 2 throughout, which is the smaller one.

import * as Y from "yjs";
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

type Value = number | boolean | [count: number, sum: number];

/** A map in a document, whatever it is made of. */
export interface KeyValues {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  /** Writes what was set, at the end of a transaction. */
  finish(): void;
  entries(): Iterable<[string, Value]>;
}

interface Peer {
  readonly doc: Y.Doc;
  readonly map: KeyValues;
  /** Updates that are to be sent; those of the hub by the edge that lacks them. */
  readonly pending: Map<Replica, Uint8Array[]>;
}

const SEPARATOR = "@";

/** Opens a system whose documents hold one map that `mapOf` finds. */
export function openYjs(setting: Setting, mapOf: (doc: Y.Doc) => KeyValues): System {
  return new Yjs(setting, mapOf);
}

class Yjs implements System {
  readonly #mapOf: (doc: Y.Doc) => KeyValues;
  readonly #names: readonly string[];
  readonly #peers: Map<Replica, Peer>;

  constructor({ edges }: Setting, mapOf: (doc: Y.Doc) => KeyValues) {
    this.#mapOf = mapOf;
    this.#names = edges;
    this.#peers = new Map();
    for (let replica = HUB; replica < edges.length; replica += 1) this.#open(replica, null);
  }

  #open(replica: Replica, stored: Uint8Array | null): void {
    const doc = new Y.Doc();
    // As chance would draw it, and the same each time.
    doc.clientID = (0x9e3779b1 * (replica + 2 + this.#peers.size * 16)) >>> 0;
    if (stored) Y.applyUpdateV2(doc, stored);
    const others = replica === HUB ? this.#names.map((_, edge) => edge) : [HUB];
    const pending = new Map(others.map((other) => [other, [] as Uint8Array[]]));
    doc.on("updateV2", (update: Uint8Array, origin: unknown) => {
      for (const [other, updates] of pending) if (other !== origin) updates.push(update);
    });
    this.#peers.set(replica, { doc, map: this.#mapOf(doc), pending });
  }

  #at(replica: Replica): Peer {
    const peer = this.#peers.get(replica);
    if (peer === undefined) throw new RangeError(`There is no replica ${replica}`);
    return peer;
  }

  write(replica: Replica, ops: readonly Op[]): void {
    const { doc, map } = this.#at(replica);
    doc.transact(() => {
      for (const op of ops) put(map, op, replica);
      map.finish();
    });
  }

  up(edge: number): Message[] {
    return this.#send(edge, HUB, "up");
  }

  down(edge: number): Message[] {
    return this.#send(HUB, edge, "down");
  }

  #send(from: Replica, to: Replica, way: Message["way"]): Message[] {
    const { doc, pending } = this.#at(from);
    const receiver = this.#at(to);
    const updates = pending.get(to)?.splice(0) ?? [];
    if (updates.length === 0) return [];
    // A backlog of one replica's own holds what it has overwritten since: the document does not.
    const isBacklog = from !== HUB && updates.length > 1;
    const bytes = isBacklog
      ? Y.encodeStateAsUpdateV2(doc, Y.encodeStateVector(receiver.doc))
      : Y.mergeUpdatesV2(updates);
    Y.applyUpdateV2(receiver.doc, bytes, from);
    return [{ way, bytes }];
  }

  /** The protocol's two steps, each way: a state vector, and what it lacks. */
  resync(edge: number): Message[] {
    const [low, high] = [this.#at(edge), this.#at(HUB)];
    const asked = Y.encodeStateVector(low.doc);
    const told = Y.encodeStateAsUpdateV2(high.doc, asked);
    const askedBack = Y.encodeStateVector(high.doc);
    Y.applyUpdateV2(low.doc, told, HUB);
    const toldBack = Y.encodeStateAsUpdateV2(low.doc, askedBack);
    Y.applyUpdateV2(high.doc, toldBack, edge);
    low.pending.get(HUB)?.splice(0);
    high.pending.get(edge)?.splice(0);
    return [
      { way: "up", bytes: asked },
      { way: "down", bytes: told },
      { way: "down", bytes: askedBack },
      { way: "up", bytes: toldBack },
    ];
  }

  reopen(edge: number): void {
    const stored = Y.encodeStateAsUpdateV2(this.#at(edge).doc);
    this.#at(HUB).pending.get(edge)?.splice(0);
    this.#open(edge, stored);
  }

  fields(replica: Replica): ReadonlyMap<string, number> {
    return new Map(
      [...this.#at(replica).map.entries()].map(([key, value]) => [key, Number(value)]),
    );
  }

  totals(replica: Replica): ReadonlyMap<string, Total> {
    const totals = new Map<string, Total>();
    for (const [key, part] of this.#at(replica).map.entries()) {
      const name = key.slice(0, key.indexOf(SEPARATOR));
      const [count, sum] = totals.get(name) ?? [0, 0];
      const [counted, summed] = part as [number, number];
      totals.set(name, [count + counted, sum + summed]);
    }
    return totals;
  }

  members(replica: Replica): ReadonlySet<string> {
    return new Set([...this.#at(replica).map.entries()].map(([key]) => key));
  }

  snapshot(): readonly Uint8Array[] {
    return [Y.encodeStateAsUpdateV2(this.#at(HUB).doc)];
  }

  close(): void {
    for (const { doc } of this.#peers.values()) doc.destroy();
  }
}

/** It has no counters: each replica keeps its own part, as one value. */
function put(map: KeyValues, op: Op, replica: Replica): void {
  switch (op.kind) {
    case "report":
      for (const [field, value] of op.fields) map.set(fieldKey(op.device, field), value);
      return;
    case "count": {
      const key = `${op.device}${SEPARATOR}${replica}`;
      const [count, sum] = (map.get(key) ?? [0, 0]) as [number, number];
      map.set(key, [count + 1, sum + op.by]);
      return;
    }
    case "add":
      map.set(op.id, true);
      return;
    case "remove":
      map.delete(op.id);
  }
}

export const open = (setting: Setting): System =>
  openYjs(setting, (doc) => {
    const map = doc.getMap<Value>("state");
    return {
      get: (key) => map.get(key),
      set: (key, value) => map.set(key, value),
      delete: (key) => map.delete(key),
      finish: () => undefined,
      entries: () => map.entries(),
    };
  });
