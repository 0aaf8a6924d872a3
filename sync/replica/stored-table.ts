// What does a replica hold, what of it is new since when, and how does it outlive a crash at any point?
// Entries by collection and key, and in the order of their changes: an entry that is overwritten has one
// place in that order, its last, so that a link sends it once however long it was away. Each commit is
// one row of what it changed; a checkpoint writes the pages that changed since the last one and forgets
// the rows.

import { CHECKPOINT_BYTES, IMAGE_ENTRIES_MAX, PAGE_ENTRIES } from "../limits.ts";
import { fnv1a32 } from "../hash.ts";
import {
  decodeImage,
  encodeImage,
  type Image,
  type StoredCodec,
  type UnreadPart,
} from "./image.ts";
import type { Collection } from "./kind.ts";
import type { Schema } from "./schema.ts";
import type { ReplicaStore } from "./store.ts";
import { place, within, type Entry, type Held } from "./table.ts";

/** What is to be stored next, as it grows. */
interface Row {
  readonly facts: Map<string, unknown>;
  readonly entries: Map<number, Map<string, Entry | null>>;
}

const newRow = (): Row => ({ facts: new Map(), entries: new Map() });

/** Entries and the facts about their replica, both durable. */
export class StoredTable {
  readonly #collections = new Map<number, Map<string, Entry>>();
  readonly #bySeq = new Map<number, Held>();
  /** Entries that go, or change, once every link has acknowledged them. */
  readonly passing: Map<Entry | null, Held> = new Map();
  /** True if something that was stored could not be read: what it held has to come from the hub. */
  isDamaged = false;
  readonly #store: ReplicaStore;
  readonly #schema: Schema;
  readonly #codecOf: StoredCodec;
  readonly #isPassing: (collection: Collection, entry: Entry) => boolean;
  readonly #facts = new Map<string, unknown>();
  #row = newRow();
  #pages = 1;
  #dirty = new Set<number>();
  #rowBytes = 0;
  /** True while what is committed goes into one row. */
  isTogether = false;
  /** How to undo what is being attempted, step by step. */
  #undo: (() => void)[] | null = null;
  /** What a newer release stored of collections that are not known here: kept for its return. */
  readonly #unread: UnreadPart[] = [];

  /** Throws a RangeError, and stores nothing, if a later release wrote what is stored. */
  constructor(
    store: ReplicaStore,
    schema: Schema,
    end: "edge" | "hub",
    isPassing: (collection: Collection, entry: Entry) => boolean,
  ) {
    this.#isPassing = isPassing;
    this.#store = store;
    this.#schema = schema;
    this.#codecOf = (id) => schema.get(id)?.kind[end];
    this.#load();
  }

  /** The seq of the last change. */
  get head(): number {
    return this.fact<number>("seq") ?? 0;
  }

  nextSeq(): number {
    this.state("seq", this.head + 1);
    return this.head;
  }

  fact<Fact>(name: string): Fact | undefined {
    return this.#facts.get(name) as Fact | undefined;
  }

  /** Lists the facts whose names begin with `prefix`. */
  factsOf(prefix: string): [name: string, fact: unknown][] {
    return [...this.#facts].filter(([name]) => name.startsWith(prefix));
  }

  /** States a fact, a value that JSON can hold; null withdraws it. What is so already takes no row. */
  state(name: string, value: unknown): void {
    const before = this.fact(name) ?? null;
    if (JSON.stringify(before) === JSON.stringify(value)) return;
    this.#undo?.push(() => this.state(name, before));
    this.#row.facts.set(name, value);
    place(this.#facts, name, value);
  }

  get(collection: Collection, key: string): Entry | undefined {
    return this.entries(collection).get(key);
  }

  /** The entries of a collection, as they are now and will be. */
  entries({ id }: Collection): ReadonlyMap<string, Entry> {
    return within(this.#collections, id);
  }

  put(collection: Collection, key: string, entry: Entry | null): void {
    const entries = within(this.#collections, collection.id);
    const before = entries.get(key) ?? null;
    this.#undo?.push(() => this.put(collection, key, before));
    this.#bySeq.delete(before?.seq ?? 0);
    this.passing.delete(before);
    place(entries, key, entry);
    if (entry) {
      const held = { collection, key, entry };
      if (entry.seq > 0) this.#bySeq.set(entry.seq, held);
      if (this.#isPassing(collection, entry)) this.passing.set(entry, held);
    }
    this.#dirty.add(this.#pageOf(collection, key));
    within(this.#row.entries, collection.id).set(key, entry);
  }

  /** Lists what changed after `seq`, in the order of changes up to `head`. */
  *after(seq: number, head: number = this.head): Generator<Held> {
    // Looks at what is there, or at what may be there, whichever is less.
    const seqs =
      head - seq > this.#bySeq.size
        ? [...this.#bySeq.keys()].toSorted((a, b) => a - b)
        : Array.from({ length: head - seq }, (_, i) => seq + 1 + i);
    for (const at of seqs) {
      const change = at > seq && at <= head && this.#bySeq.get(at);
      if (change) yield change;
    }
  }

  /** Lists what is held. */
  *all(): Generator<Held> {
    for (const collection of this.#schema.all)
      for (const [key, entry] of this.entries(collection)) yield { collection, key, entry };
  }

  /** Commits what `write` puts and states; if it throws, nothing of that is left. */
  attempt(write: () => void): void {
    const steps: (() => void)[] = [];
    this.#undo = steps;
    try {
      write();
    } catch (error) {
      this.#undo = null;
      for (const undo of steps.toReversed()) undo();
      throw error;
    }
    this.commit();
  }

  /**
   * States which collections are held; true: others than before. Entries of those that the last release
   * did not know get a new place in the order of changes: the links have gone past the ones they had.
   */
  hold(): boolean {
    const { name } = this.#schema;
    const before = this.fact<string>("schema");
    if (before === name) return false;
    this.state("schema", name);
    if (before)
      for (const { collection, key, entry } of this.all())
        if (entry.seq > 0 && !`,${before}`.includes(`,${collection.id}:`))
          this.put(collection, key, { ...entry, seq: this.nextSeq() });
    return true;
  }

  /** Stores what was put and stated since the last commit; nothing, if there is nothing. */
  commit(): void {
    this.#undo = null;
    const { facts, entries } = this.#row;
    if (this.isTogether || entries.size + facts.size === 0) return;
    // As when all that was registered since the last exchange becomes stable: no row holds that.
    const isTooLarge = [...entries.values()].some(({ size }) => size > IMAGE_ENTRIES_MAX);
    if (!isTooLarge) {
      const row = encodeImage(this.#row, this.#codecOf);
      this.#store.append(row);
      this.#row = newRow();
      this.#rowBytes += row.length;
    }
    if (isTooLarge || this.#rowBytes > CHECKPOINT_BYTES) this.checkpoint();
  }

  /** Writes the pages that changed and forgets the rows. */
  checkpoint(): void {
    const before = this.#pages;
    const all = [...this.all()];
    const size = all.length;
    // Twice as many, or half: so that an entry more or less does not move all entries each time.
    while (size > this.#pages * PAGE_ENTRIES * 2) this.#pages *= 2;
    while (this.#pages > 1 && size < (this.#pages * PAGE_ENTRIES) / 2) this.#pages /= 2;
    if (this.#pages !== before) this.#soil(Math.max(this.#pages, before));
    const byPage = Map.groupBy(all, ({ collection, key }) => this.#pageOf(collection, key));
    const pages = new Map<number, Uint8Array | null>();
    // The next one is put off until rows weigh as much as the pages that were written, and more.
    this.#rowBytes = 0;
    for (const number of this.#dirty) {
      const image = newRow();
      for (const { collection, key, entry } of byPage.get(number) ?? [])
        within(image.entries, collection.id).set(key, entry);
      const page = image.entries.size === 0 ? null : encodeImage(image, this.#codecOf);
      this.#rowBytes -= page?.length ?? 0;
      pages.set(number, page);
    }
    const facts = new Map(this.#facts).set("pages", this.#pages);
    const first = { ...newRow(), facts, unread: this.#unread };
    this.#store.checkpoint(pages.set(0, encodeImage(first, this.#codecOf)));
    this.#row = newRow();
    this.#dirty = new Set();
  }

  /** Has the pages from 1 on written anew. */
  #soil(pages: number): void {
    for (let page = 1; page <= pages; page += 1) this.#dirty.add(page);
  }

  #pageOf(collection: Collection, key: string): number {
    return 1 + (fnv1a32(nameOf(collection, key)) & (this.#pages - 1));
  }

  #load(): void {
    const stored = this.#store.load();
    const rows = [...stored.rows];
    // Rows of former lives count: a replica that is restarted often has its checkpoints too.
    this.#rowBytes = rows.reduce((sum, row) => sum + row.length, 0);
    const read = (bytes: Uint8Array): Image | null => {
      const image = decodeImage(bytes, this.#codecOf);
      if (image === undefined) throw new RangeError("A later release");
      return image;
    };
    const images = [...stored.pages].map(read);
    // Page 0 is the one with facts. What it holds of entries an older release had set aside, all that
    // there was of their collections, and newer than what other pages may have.
    const first = images.findIndex((image) => image?.facts.size);
    const page0 = first < 0 ? [] : images.splice(first, 1);
    this.#replay(images);
    const isSetAside = this.#unread.length > 0;
    this.#dirty = new Set();
    this.#replay([...page0, ...rows.map(read)]);
    // What is damaged is written over by the next checkpoint; what is set aside moves to page 0.
    if (this.isDamaged || isSetAside) this.#soil(this.#pages);
    this.#row = newRow();
    // An entry tells of the seq too, should the fact be damaged.
    for (const { entry } of this.all()) if (entry.seq > this.head) this.state("seq", entry.seq);
  }

  /** Takes over images, in their order. */
  #replay(images: readonly (Image | null)[]): void {
    for (const image of images) {
      if (!image) {
        this.isDamaged = true;
        continue;
      }
      for (const [name, value] of image.facts) this.state(name, value);
      this.#pages = this.fact<number>("pages") ?? 1;
      for (const [id, held] of image.entries) {
        const collection = this.#schema.get(id);
        if (collection) for (const [key, entry] of held) this.put(collection, key, entry);
      }
      this.#unread.push(...(image.unread ?? []));
    }
  }
}

/** Names an entry. */
export function nameOf({ id }: Collection, key: string): string {
  return `${id}/${key}`;
}
