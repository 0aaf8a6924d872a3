// What have the two ends of a link in common? They hold entries of the same collections, show them,
// take writes that are there whole or not at all, and say what has changed since a place in their
// history. Everything here is one synchronous turn; a commit is one stored row.

import type { Clock } from "../clock/hlc.ts";
import type { ReplicaKey } from "../crdt/lattice.ts";
import type { Draft } from "./draft.ts";
import { Groups, type Gathered } from "./groups.ts";
import type { Collection, Direction, Kind } from "./kind.ts";
import { Schema } from "./schema.ts";
import type { ReplicaStore } from "./store.ts";
import { StoredTable } from "./stored-table.ts";
import type { Entry, Table } from "./table.ts";
import { Timeline } from "./timeline.ts";

/** What a replica is opened with. */
export interface ReplicaOptions {
  readonly collections: readonly Collection[];
  readonly store: ReplicaStore;
  readonly quantumMs?: Clock["quantumMs"];
}

/** What of a kind is an end's own. */
interface End {
  /** How what it holds is stored, and how it is shown. */
  readonly held: "edge" | "hub";
  readonly view: "viewAtEdge" | "viewAtHub";
  /** What it says to the other end, and how that is written. */
  readonly said: "toUp" | "toDown";
  readonly way: "up" | "down";
  /** The direction of the collections that it does not write. */
  readonly closed: Direction;
}

/** An entry that is held. */
export interface Held {
  readonly collection: Collection;
  readonly key: string;
  readonly entry: Entry;
}

/** One end's replica. */
export abstract class Replica {
  protected readonly schema: Schema;
  protected readonly stored: StoredTable;
  protected readonly table: Table;
  protected readonly time: Timeline;
  readonly #end: End;
  /** Entries that go, or change, once every link has acknowledged them. */
  readonly #passing = new Map<string, Pick<Held, "collection" | "key">>();

  constructor({ collections, store, quantumMs }: ReplicaOptions, end: End) {
    this.#end = end;
    this.schema = new Schema(collections);
    this.stored = new StoredTable(store, (id) => this.schema.get(id)?.kind[end.held]);
    this.table = this.stored.table;
    this.time = new Timeline(this.stored, quantumMs);
  }

  /** The seq of the last change. */
  get head(): number {
    return this.time.seq;
  }

  read<View>(collection: Collection<never, View>, key: string): View | null {
    const entry = this.table.get(collection.id, key);
    return entry ? this.#view(collection, entry) : null;
  }

  /** Every key of a collection that is held, those of deletions too. */
  held(collection: Collection<never>): ReadonlyMap<string, unknown> {
    return this.table.entries(collection.id);
  }

  /** Lists what there is to see of a collection. */
  readAll<View>(collection: Collection<never, View>): Map<string, View> {
    const views = new Map<string, View>();
    for (const [key, entry] of this.table.entries(collection.id)) {
      const view = this.#view(collection, entry);
      if (view !== null) views.set(key, view);
    }
    return views;
  }

  /** Writes the state's pages now, not when its rows have grown: before a copy is taken. */
  checkpoint(): void {
    this.stored.checkpoint();
  }

  #view<View>({ kind }: Collection<never, View>, { value }: Entry): View | null {
    return kind[this.#end.view](value) as View | null;
  }

  /** Commits writes of one stamp; all of them, or, if `change` throws, none. Returns the last seq. */
  protected commit(stampMs: number, life: ReplicaKey, change: (draft: Draft) => void): number {
    const draft: Draft = {
      stamp: this.time.stamp(stampMs),
      life,
      read: (collection, key) => this.read(collection, key),
      write: (collection, key, delta) => this.#write(collection, key, delta),
    };
    this.stored.attempt(
      () => change(draft),
      () => this.look(),
    );
    return this.head;
  }

  #write(collection: Collection<never>, key: string, delta: unknown): void {
    const { held, closed } = this.#end;
    const { kind } = collection;
    this.schema.check(collection, this.longest(key), closed);
    const before = this.table.get(collection.id, key);
    const value = this.written(kind, before, delta);
    if (value === null) return;
    this.schema.checkValue(key, kind, kind[held], value);
    // At the hub it names the link that an entry came from.
    const mark = held === "hub" ? 0 : (before?.mark ?? 0);
    this.change(collection, key, value, mark);
  }

  /**
   * States which collections are held; true: others than before. Entries of those that the last release
   * did not know get a new place in the order of changes: the links have gone past the ones they had.
   */
  protected hold(): boolean {
    return this.stored.hold(this.schema.name, () => this.time.nextSeq());
  }

  /** The longest that a key may become. */
  protected abstract longest(key: string): string;

  /** Applies a write. Null: there is nothing to do. */
  protected abstract written(kind: Kind, held: Entry | undefined, delta: unknown): unknown;

  /** Gathers what changed after a seq and is to be said, as far as one frame reaches. */
  protected gather(
    after: number,
    bytesMax: number,
    isSaid: (collection: Collection, entry: Entry) => boolean,
  ): Gathered {
    const { said, way } = this.#end;
    const groups = new Groups(way, bytesMax);
    let to = after;
    for (const { collection, key, entry } of this.changes(after)) {
      const isFull =
        isSaid(collection, entry) &&
        !groups.add(collection, key, collection.kind[said](entry.value));
      if (isFull) return groups.encode(to);
      to = entry.seq;
    }
    return groups.encode(this.head);
  }

  /** Lists what is held. */
  protected *all(): Generator<Held> {
    for (const collection of this.schema.all)
      for (const [key, entry] of this.table.entries(collection.id))
        yield { collection, key, entry };
  }

  /** Lists what changed after a seq, in the order of changes. */
  protected *changes(after: number, to: number = this.head): Generator<Held> {
    for (const { collection, key, entry } of this.table.after(after, to))
      yield { collection: this.schema.held(collection), key, entry };
  }

  /** Puts a change in its place, the last; null: the entry is gone. */
  protected change(collection: Collection<never>, key: string, value: unknown, mark: number): void {
    this.put(collection, key, value === null ? null : { value, seq: this.time.nextSeq(), mark });
  }

  protected put(collection: Collection<never>, key: string, entry: Entry | null): void {
    this.stored.put(collection.id, key, entry);
    this.#note(collection, key, entry);
  }

  #note(collection: Collection<never>, key: string, entry: Entry | null): void {
    const name = nameOf(collection, key);
    if (entry && this.isPassing(collection, entry)) this.#passing.set(name, { collection, key });
    else this.#passing.delete(name);
  }

  /** Looks at what is held: at the start, and after writes that were undone. */
  protected look(): void {
    this.time.look();
    for (const { collection, key, entry } of this.all()) this.#note(collection, key, entry);
  }

  /** Tells whether an entry goes, or changes, once every link has acknowledged it. */
  protected abstract isPassing(collection: Collection<never>, entry: Entry): boolean;

  /** Lists what goes, or changes, once every link has acknowledged it. */
  protected *passing(): Generator<Held> {
    for (const { collection, key } of this.#passing.values()) {
      const entry = this.table.get(collection.id, key);
      if (entry) yield { collection, key, entry };
    }
  }
}

/** Names an entry. */
export function nameOf({ id }: Collection<never>, key: string): string {
  return `${id}/${key}`;
}
