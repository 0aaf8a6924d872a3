// What have the two ends of a link in common? They hold entries of the same collections, show them,
// take writes that are there whole or not at all, and say what has changed since a place in their
// history. Everything here is one synchronous turn; a commit is one stored row.

import type { Clock } from "../clock/hlc.ts";
import type { ReplicaKey } from "../crdt/lattice.ts";
import { FRAME_BYTES_TARGET, FRAME_STATE_ENTRIES_MAX } from "../limits.ts";
import type { Draft } from "./draft.ts";
import { wallMsOf, writtenGroups, type Gathered, type Said } from "./groups.ts";
import type { Collection, Kind } from "./kind.ts";
import { checkValue, Schema } from "./schema.ts";
import type { ReplicaStore } from "./store.ts";
import { StoredTable } from "./stored-table.ts";
import type { Entry, Held } from "./table.ts";
import { Timeline } from "./timeline.ts";

/** What a replica is opened with. */
export interface ReplicaOptions {
  readonly collections: readonly Collection[];
  readonly store: ReplicaStore;
  readonly quantumMs?: Clock["quantumMs"];
}

/** One end's replica. */
export abstract class Replica {
  protected readonly schema: Schema;
  protected readonly stored: StoredTable;
  protected readonly time: Timeline;
  readonly #isHub: boolean;

  /** @param isPassing Tells whether an entry goes, or changes, once every link has acknowledged it. */
  constructor(
    { collections, store, quantumMs }: ReplicaOptions,
    end: "edge" | "hub",
    isPassing: (collection: Collection, entry: Entry) => boolean,
  ) {
    this.#isHub = end === "hub";
    this.schema = new Schema(collections);
    this.stored = new StoredTable(store, this.schema, end, isPassing);
    this.time = new Timeline(this.stored, quantumMs);
  }

  /** The seq of the last change. */
  get head(): number {
    return this.stored.head;
  }

  read<View>(collection: Collection<never, View>, key: string): View | null {
    const entry = this.stored.get(collection, key);
    return entry ? this.#view(collection, entry) : null;
  }

  /** Every key of a collection that is held, those of deletions too. */
  held(collection: Collection<never>): ReadonlyMap<string, unknown> {
    return this.stored.entries(collection);
  }

  /** Lists what there is to see of a collection. */
  readAll<View>(collection: Collection<never, View>): Map<string, View> {
    const views = new Map<string, View>();
    for (const [key, entry] of this.stored.entries(collection)) {
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
    return (this.#isHub ? kind.viewAtHub(value) : kind.viewAtEdge(value)) as View | null;
  }

  /**
   * Stores all that is written by `write` at once, when it returns: each stays whole or not at all, and
   * is durable only then. If it throws, what was written before that stays.
   */
  together(write: () => void): void {
    const { stored } = this;
    stored.isTogether = true;
    try {
      write();
    } finally {
      stored.isTogether = false;
      stored.commit();
    }
  }

  /** Commits writes of one stamp; all of them, or, if `change` throws, none. Returns the last seq. */
  protected commit(stampMs: number, life: ReplicaKey, change: (draft: Draft) => void): number {
    const draft: Draft = {
      stamp: this.time.stamp(stampMs),
      life,
      read: (collection, key) => this.read(collection, key),
      write: (collection, key, delta) => this.#write(collection, key, delta),
    };
    this.stored.attempt(() => change(draft));
    return this.head;
  }

  #write(collection: Collection<never>, key: string, delta: unknown): void {
    const { kind } = collection;
    this.schema.check(collection, this.longest(key), this.#isHub ? "down" : "up");
    const before = this.stored.get(collection, key);
    const value = this.written(kind, before, delta);
    if (value === null) return;
    checkValue(key, kind, this.#isHub ? kind.hub : kind.edge, value);
    // At the hub it names the link that an entry came from.
    const mark = this.#isHub ? 0 : (before?.mark ?? 0);
    this.change(collection, key, value, mark);
  }

  /** The longest that a key may become. */
  protected abstract longest(key: string): string;

  /** Applies a write. Null: there is nothing to do. */
  protected abstract written(kind: Kind, held: Entry | undefined, delta: unknown): unknown;

  /** Gathers what changed after a seq, as far as one frame reaches; of what `say` gives null, nothing. */
  protected gather(after: number, say: (held: Held) => Said | null): Gathered {
    const list: Said[] = [];
    let bytes = 0;
    let to = after;
    let isFull = false;
    for (const held of this.stored.after(after)) {
      const said = say(held);
      if (said) {
        bytes += weigh(said.key) + weigh(said.value);
        // The first always finds room.
        isFull =
          list.length > 0 && (bytes > FRAME_BYTES_TARGET || list.length >= FRAME_STATE_ENTRIES_MAX);
        if (isFull) break;
        list.push(said);
      }
      to = held.entry.seq;
    }
    return {
      groups: writtenGroups(list, this.#isHub ? "down" : "up"),
      to: isFull ? to : this.head,
      latestMs: Math.max(0, ...list.map(wallMsOf)),
    };
  }

  /** Puts a change in its place, the last; null: the entry is gone. */
  protected change(collection: Collection<never>, key: string, value: unknown, mark: number): void {
    const { stored } = this;
    stored.put(collection, key, value === null ? null : { value, seq: stored.nextSeq(), mark });
  }
}

/** About how many bytes a value takes in a frame: three a letter at most, and few each of the rest. */
function weigh(value: unknown): number {
  if (typeof value === "string") return value.length * 3;
  const parts = (value instanceof Map ? [...value] : value) as Record<string, unknown>;
  let bytes = 4;
  for (const name in parts) bytes += weigh(parts[name]);
  return bytes;
}
