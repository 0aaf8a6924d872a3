// TinyBase: a MergeableStore with a row a device and a cell a field; a transaction for what is written
// together. While a link is live, the changes of its transactions, as its synchronizers send them; when
// neither end knows what the other has, the synchronizers themselves, which walk down the hashes.

import { createMergeableStore, type MergeableChanges, type MergeableStore } from "tinybase";
import { createCustomSynchronizer, type Receive } from "tinybase/synchronizers";
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

interface Peer {
  readonly store: MergeableStore;
  /** Changes that are to be sent, by whom they are for. */
  readonly pending: Map<Replica, string[]>;
}

const FIELDS = "fields";
const COUNTS = "counts";
/** What its own JSON has for a value that is gone. */
const GONE = "\uFFFC";
const TIMEOUT_S = 10;

const encoder = new TextEncoder();

function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (each === undefined ? GONE : each));
}

function fromJson<T>(text: string): T {
  return JSON.parse(text, (_key, each: unknown) => (each === GONE ? undefined : each)) as T;
}

class TinyBase implements System {
  readonly #edges: readonly string[];
  readonly #peers = new Map<Replica, Peer>();
  #isQuiet = false;
  #nowMs = 0;

  constructor({ edges }: Setting) {
    this.#edges = edges;
    for (let replica = HUB; replica < edges.length; replica += 1) this.#open(replica, null);
  }

  #open(replica: Replica, stored: string | null): void {
    const name = replica === HUB ? "hub" : (this.#edges[replica] ?? "");
    const store = createMergeableStore(name, () => this.#nowMs);
    if (stored !== null) store.setMergeableContent(fromJson(stored));
    const others = replica === HUB ? [...this.#edges.keys()] : [HUB];
    const pending = new Map(others.map((other) => [other, [] as string[]]));
    const peer = { store, pending };
    store.addDidFinishTransactionListener(() => {
      if (this.#isQuiet) return;
      // A hub's own writes are its edges' beginning, which they ask for.
      if (replica === HUB) return;
      pending.get(HUB)?.push(toJson(store.getTransactionMergeableChanges()));
    });
    this.#peers.set(replica, peer);
  }

  #at(replica: Replica): Peer {
    const peer = this.#peers.get(replica);
    if (peer === undefined) throw new RangeError(`There is no replica ${replica}`);
    return peer;
  }

  write(replica: Replica, ops: readonly Op[]): void {
    const { store } = this.#at(replica);
    store.transaction(() => {
      for (const op of ops) {
        this.#nowMs = op.atMs;
        put(store, op, replica);
      }
    });
  }

  /** After a partition, walking down the hashes is less than all that was changed meanwhile. */
  up(edge: number): Message[] | Promise<Message[]> {
    if ((this.#at(edge).pending.get(HUB)?.length ?? 0) > 1) return this.resync(edge);
    return this.#send(edge, HUB, "up");
  }

  down(edge: number): Message[] {
    return this.#send(HUB, edge, "down");
  }

  #send(from: Replica, to: Replica, way: Message["way"]): Message[] {
    const changes = this.#at(from).pending.get(to)?.splice(0) ?? [];
    if (changes.length === 0) return [];
    const { store } = this.#at(to);
    this.#isQuiet = true;
    for (const text of changes) {
      store.applyMergeableChanges(fromJson<MergeableChanges>(text));
      // The hub passes on to the others what one has sent.
      if (to === HUB)
        for (const [edge, list] of this.#at(HUB).pending) if (edge !== from) list.push(text);
    }
    this.#isQuiet = false;
    return [{ way, bytes: encoder.encode(`[${changes.join(",")}]`) }];
  }

  /** The edge asks; the hub does, if the two are not equal then. */
  async resync(edge: number): Promise<Message[]> {
    const messages: Message[] = [];
    const receivers = new Map<Message["way"], Receive>();
    const synchronize = (replica: Replica, way: Message["way"]) => {
      const back = way === "up" ? "down" : "up";
      return createCustomSynchronizer(
        this.#at(replica).store,
        (_to, request, message, body: unknown) => {
          const text = toJson([request, message, body]);
          messages.push({ way, bytes: encoder.encode(text) });
          const [id, kind, told] = fromJson<[string | null, number, unknown]>(text);
          queueMicrotask(() => receivers.get(way)?.(way, id, kind, told));
        },
        (receive) => receivers.set(back, receive),
        () => undefined,
        TIMEOUT_S,
      );
    };
    this.#isQuiet = true;
    const [low, high] = [synchronize(edge, "up"), synchronize(HUB, "down")];
    // One that saves by itself answers what it is asked. It says hello, which is not counted.
    await high.startAutoSave();
    messages.splice(0);
    await low.load();
    if (hashesOf(this.#at(edge)) !== hashesOf(this.#at(HUB))) {
      await low.startAutoSave();
      await high.load();
    }
    await low.destroy();
    await high.destroy();
    this.#isQuiet = false;
    this.#at(edge).pending.get(HUB)?.splice(0);
    this.#at(HUB).pending.get(edge)?.splice(0);
    return messages;
  }

  reopen(edge: number): void {
    this.#open(edge, toJson(this.#at(edge).store.getMergeableContent()));
  }

  fields(replica: Replica): ReadonlyMap<string, number> {
    const table = this.#at(replica).store.getTable(FIELDS);
    return new Map(
      Object.entries(table).flatMap(([device, row]) =>
        Object.entries(row).map(([field, value]) => [fieldKey(device, field), Number(value)]),
      ),
    );
  }

  totals(replica: Replica): ReadonlyMap<string, Total> {
    const table = this.#at(replica).store.getTable(COUNTS);
    return new Map(
      Object.entries(table).map(([device, row]) => {
        const parts = Object.values(row).map(partsOf);
        const total = (at: 0 | 1): number => parts.reduce((sum, part) => sum + part[at], 0);
        return [device, [total(0), total(1)]];
      }),
    );
  }

  members(replica: Replica): ReadonlySet<string> {
    return new Set(this.#at(replica).store.getValueIds());
  }

  snapshot(): readonly Uint8Array[] {
    return [encoder.encode(toJson(this.#at(HUB).store.getMergeableContent()))];
  }

  close(): void {
    this.#peers.clear();
  }
}

/** Reads one replica's part of a total. */
function partsOf(cell: unknown): Total {
  const [count, sum] = typeof cell === "string" ? cell.split(" ").map(Number) : [];
  return [count ?? 0, sum ?? 0];
}

function hashesOf({ store }: Peer): string {
  return JSON.stringify(store.getMergeableContentHashes());
}

/** It has no counters: each replica keeps its own part, as one text. */
function put(store: MergeableStore, op: Op, replica: Replica): void {
  switch (op.kind) {
    case "report":
      for (const [field, value] of op.fields) store.setCell(FIELDS, op.device, field, value);
      return;
    case "count": {
      const cell = `${replica}`;
      const [count, sum] = partsOf(store.getCell(COUNTS, op.device, cell));
      store.setCell(COUNTS, op.device, cell, `${count + 1} ${sum + op.by}`);
      return;
    }
    case "add":
      store.setValue(op.id, true);
      return;
    case "remove":
      store.delValue(op.id);
  }
}

export const open = (setting: Setting): System => new TinyBase(setting);
