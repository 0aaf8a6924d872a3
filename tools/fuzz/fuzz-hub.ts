// What does a hub do with a hostile frame? One whose link stands where the samples' frames begin; an
// error may change nothing of it, and after a frame that was applied it begins anew.

import { decodeImage, encodeImage } from "../../sync/replica/image.ts";
import { HubReplica, type Exchange } from "../../sync/replica/hub-replica.ts";
import { MemoryReplicaStore } from "../../sync/replica/store.ts";
import { encodeUpFrame } from "../../sync/wire/up-frame.ts";
import { parseReplicaId } from "../../sync/brand.ts";
import { ALL_KINDS, kindOf } from "../frame/kinds.ts";
import type { Collection } from "../../sync/replica/kind.ts";

const COLLECTIONS: readonly Collection[] = ALL_KINDS.map((kind) => ({
  id: kind.code,
  direction: "both",
  kind,
}));
const NOW_MS = 1_789_000_000_000;
const LINK = 0x1234;
/** Where the frames of the samples begin. */
const CURSORS = [
  { seq: 3, digest: 0xdeadbeef },
  { seq: 3, digest: 7 },
  { seq: 0, digest: 0 },
];
/** Outcomes after which the hub is another one. */
const CHANGING: readonly string[] = ["applied", "open"];

/** A hub that is opened again after each change. */
export class FuzzHub {
  readonly #rows: readonly Uint8Array[];
  #store = new MemoryReplicaStore();
  #hub: HubReplica;
  #before = "";
  #shownBefore = "";

  constructor(cursor: (typeof CURSORS)[number]) {
    this.#hub = this.#open();
    this.#greet();
    this.#rows = [...this.#store.load().rows, this.#rowWith(cursor)];
    this.#reset();
  }

  /** Makes a hub for each place where samples begin. */
  static all(): FuzzHub[] {
    return CURSORS.map((cursor) => new FuzzHub(cursor));
  }

  /**
   * Gives it a frame.
   *
   * @returns What it came to.
   * @throws TypeError if an error has changed the hub.
   */
  take(bytes: Uint8Array): string {
    const exchange: Exchange = this.#hub.exchange(bytes, NOW_MS);
    const outcome = exchange.kind === "answered" ? exchange.outcome : exchange.reason;
    if (CHANGING.includes(outcome)) this.#reset();
    else this.#check(outcome);
    return outcome;
  }

  #check(outcome: string): void {
    // A link whose clock was ahead is forgotten, and nothing else.
    const isLinkOver = outcome === "clock-ahead";
    const isSame = isLinkOver
      ? this.#shown() === this.#shownBefore
      : this.#image() === this.#before;
    if (!isSame) throw new TypeError(`${outcome} has changed the hub`);
    if (isLinkOver) this.#reset();
  }

  /** The hub's canonical image: what is stored, and what it shows. */
  #image(): string {
    const { pages, rows } = this.#store.load();
    return JSON.stringify([[...pages].length, [...rows].length, this.#hub.links(), this.#shown()]);
  }

  #shown(): string {
    const sizes = COLLECTIONS.map((collection) => this.#hub.readAll(collection).size);
    return JSON.stringify([this.#hub.head, sizes]);
  }

  #reset(): void {
    this.#store = new MemoryReplicaStore();
    for (const row of this.#rows) this.#store.append(row);
    this.#hub = this.#open();
    this.#before = this.#image();
    this.#shownBefore = this.#shown();
  }

  #open(): HubReplica {
    return new HubReplica({
      collections: COLLECTIONS,
      store: this.#store,
      newNumber: () => LINK,
      leaseMs: 86_400_000,
    });
  }

  #greet(): void {
    const replica = parseReplicaId("hel/00-ff");
    if (replica === null) throw new TypeError("Not a replica");
    const nowhere = { seq: 0, digest: 0 };
    const hello = encodeUpFrame({
      speaker: { kind: "hello", replica, replicaEpoch: 7 },
      floor: 1,
      head: 0,
      sentMs: NOW_MS,
      from: nowhere,
      to: 0,
      ack: nowhere,
      isKeyless: true,
      log: [],
      groups: [],
    });
    this.#hub.exchange(hello, NOW_MS);
  }

  /** The link's record with its cursor elsewhere. */
  #rowWith(cursor: (typeof CURSORS)[number]): Uint8Array {
    const codecOf = (id: number) => kindOf(id)?.hub;
    const name = `link:${LINK}`;
    const records = [...this.#store.load().rows].map((row) =>
      decodeImage(row, codecOf)?.facts.get(name),
    );
    const record = records.findLast((fact) => fact !== undefined) as object;
    const facts = new Map<string, unknown>([[name, { ...record, cursor }]]);
    return encodeImage({ facts, entries: new Map() }, codecOf);
  }
}
