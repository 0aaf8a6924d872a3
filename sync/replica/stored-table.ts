// How does a replica's state outlive a crash at any point? Each commit is one row of what it
// changed; a checkpoint writes the pages that changed since the last one and forgets the rows.

import { CHECKPOINT_BYTES, IMAGE_ENTRIES_MAX, PAGE_ENTRIES } from "../limits.ts";
import { fnv1a32 } from "../hash.ts";
import {
  decodeImage,
  isOfLaterRelease,
  encodeImage,
  type Image,
  type StoredCodec,
  type UnreadPart,
} from "./image.ts";
import type { ReplicaStore } from "./store.ts";
import { Table, type Entry } from "./table.ts";

/** A table and the facts about its replica, both durable. */
export class StoredTable {
  readonly table: Table = new Table();
  /** True if something that was stored could not be read: what it held has to come from the hub. */
  readonly isDamaged: boolean;
  readonly #store: ReplicaStore;
  readonly #codecOf: StoredCodec;
  readonly #facts = new Map<string, unknown>();
  #changedFacts = new Map<string, unknown>();
  #changed = new Map<number, Map<string, Entry | null>>();
  #pages = 1;
  #dirty = new Set<number>();
  #rowBytes = 0;
  /** How to undo what is being attempted, step by step. */
  #undo: (() => void)[] | null = null;
  /** What a newer release stored of collections that are not known here: kept for its return. */
  #unread: UnreadPart[] = [];

  /** Throws a RangeError, and stores nothing, if a later release wrote what is stored. */
  constructor(store: ReplicaStore, codecOf: StoredCodec) {
    this.#store = store;
    this.#codecOf = codecOf;
    this.isDamaged = this.#load();
  }

  fact(name: string): unknown {
    return this.#facts.get(name);
  }

  facts(): ReadonlyMap<string, unknown> {
    return this.#facts;
  }

  /** States a fact, a value that JSON can hold; null withdraws it. */
  state(name: string, value: unknown): void {
    const before = this.#facts.get(name) ?? null;
    this.#undo?.push(() => this.state(name, before));
    this.#changedFacts.set(name, value);
    if (value === null) this.#facts.delete(name);
    else this.#facts.set(name, value);
  }

  put(collection: number, key: string, entry: Entry | null): void {
    const before = this.table.get(collection, key) ?? null;
    this.#undo?.push(() => this.put(collection, key, before));
    this.table.put(collection, key, entry);
    this.#dirty.add(this.#pageOf(collection, key));
    const changed = this.#changed.get(collection) ?? new Map<string, Entry | null>();
    this.#changed.set(collection, changed.set(key, entry));
  }

  /** Commits what `write` puts and states; if it throws, nothing of that is left, and `undone` runs. */
  attempt(write: () => void, undone: () => void): void {
    const steps: (() => void)[] = [];
    this.#undo = steps;
    try {
      write();
    } catch (error) {
      this.#undo = null;
      for (const undo of steps.toReversed()) undo();
      undone();
      throw error;
    } finally {
      this.#undo = null;
    }
    this.commit();
  }

  /**
   * States which collections are held. Entries of those that the last release did not know get a new
   * place in the order of changes: the links have gone past the ones they had.
   */
  hold(schema: string, nextSeq: () => number): void {
    const before = this.fact("schema");
    if (before === schema) return;
    this.state("schema", schema);
    if (typeof before !== "string") return;
    const known = new Set(before.split(",").map((name) => Number.parseInt(name)));
    for (const collection of this.#others(known))
      for (const [key, entry] of this.table.entries(collection))
        if (entry.seq > 0) this.put(collection, key, { ...entry, seq: nextSeq() });
  }

  /** Stores what was put and stated since the last commit; nothing, if there is nothing. */
  commit(): void {
    if (this.#changed.size === 0 && this.#changedFacts.size === 0) return;
    // As when all that was registered since the last exchange becomes stable: no row holds that.
    if (this.#isTooLarge()) {
      this.checkpoint();
      return;
    }
    const image = { facts: this.#changedFacts, entries: this.#changed };
    const row = encodeImage(image, this.#codecOf);
    this.#store.append(row);
    this.#changed = new Map();
    this.#changedFacts = new Map();
    this.#rowBytes += row.length;
    if (this.#rowBytes > CHECKPOINT_BYTES) this.checkpoint();
  }

  /** Writes the pages that changed and forgets the rows. */
  checkpoint(): void {
    const before = this.#pages;
    // Twice as many, or half: so that an entry more or less does not move all entries each time.
    while (this.table.size > this.#pages * PAGE_ENTRIES * 2) this.#pages *= 2;
    while (this.#pages > 1 && this.table.size < (this.#pages * PAGE_ENTRIES) / 2) this.#pages /= 2;
    const isMoved = before !== this.#pages;
    const pages = new Map<number, Uint8Array | null>();
    for (let page = this.#pages + 1; page <= before; page += 1) pages.set(page, null);
    const images = this.#imagesOf(isMoved ? null : this.#dirty);
    for (const [page, entries] of images)
      pages.set(page, entries.size === 0 ? null : this.#encodePage(entries));
    const facts = new Map(this.#facts).set("pages", this.#pages);
    const rest = { entries: new Map<number, Map<string, Entry>>(), unread: this.#unread };
    pages.set(0, encodeImage({ facts, ...rest }, this.#codecOf));
    this.#store.checkpoint(pages);
    this.#changed = new Map();
    this.#changedFacts = new Map();
    this.#dirty = new Set();
    this.#rowBytes = 0;
  }

  #others(known: ReadonlySet<number>): number[] {
    return [...this.table.collections()].filter((id) => !known.has(id));
  }

  #isTooLarge(): boolean {
    return [...this.#changed.values()].some(({ size }) => size > IMAGE_ENTRIES_MAX);
  }

  #encodePage(entries: Image["entries"]): Uint8Array {
    return encodeImage({ facts: new Map(), entries }, this.#codecOf);
  }

  /** The entries of the given pages, or of all. */
  #imagesOf(wanted: ReadonlySet<number> | null): Map<number, Map<number, Map<string, Entry>>> {
    const all = wanted ?? new Set(this.#allPages());
    const images = new Map([...all].map((page) => [page, new Map<number, Map<string, Entry>>()]));
    for (const collection of this.table.collections()) {
      for (const [key, entry] of this.table.entries(collection)) {
        const image = images.get(this.#pageOf(collection, key));
        if (image === undefined) continue;
        const entries = image.get(collection) ?? new Map<string, Entry>();
        image.set(collection, entries.set(key, entry));
      }
    }
    return images;
  }

  #allPages(): number[] {
    return Array.from({ length: this.#pages }, (_, i) => i + 1);
  }

  #pageOf(collection: number, key: string): number {
    return 1 + (fnv1a32(`${collection}/${key}`) & (this.#pages - 1));
  }

  #load(): boolean {
    const stored = this.#store.load();
    const pages = [...stored.pages];
    const rows = [...stored.rows];
    if ([...pages, ...rows].some(isOfLaterRelease))
      throw new RangeError("Cannot open: a later release has stored this, and only it can read it");
    // Rows of former lives count: a replica that is restarted often has its checkpoints too.
    this.#rowBytes = rows.reduce((sum, row) => sum + row.length, 0);
    const images = pages.map((bytes) => decodeImage(bytes, this.#codecOf));
    // Page 0 is the one with facts. What it holds of entries an older release had set aside, all that
    // there was of their collections, and newer than what other pages may have.
    const isFirst = (image: Image | null): boolean => (image?.facts.size ?? 0) > 0;
    const [first = null] = images.filter(isFirst);
    this.#replay([{ facts: first?.facts ?? new Map(), entries: new Map() }]);
    this.#replay(images.filter((image) => !isFirst(image)));
    this.#dirty = new Set();
    this.#replay([first]);
    const later = rows.map((bytes) => decodeImage(bytes, this.#codecOf));
    this.#replay(later);
    const isWhole = [...images, ...later].every((image) => image !== null);
    const isSetAside = images.some((image) => !isFirst(image) && image?.unread !== undefined);
    // What is damaged is written over by the next checkpoint; what is set aside moves to page 0.
    if (!isWhole || isSetAside) this.#dirty = new Set(this.#allPages());
    this.#changed = new Map();
    this.#changedFacts = new Map();
    return !isWhole;
  }

  /** Takes over images, in their order. */
  #replay(images: readonly (Image | null)[]): void {
    for (const [name, value] of images.flatMap((image) => [...(image?.facts ?? [])]))
      this.state(name, value);
    this.#pages = Number(this.#facts.get("pages") ?? 1);
    for (const [collection, held] of images.flatMap((image) => [...(image?.entries ?? [])]))
      for (const [key, entry] of held) this.put(collection, key, entry);
    this.#unread.push(...images.flatMap((image) => image?.unread ?? []));
  }
}
