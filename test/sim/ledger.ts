// What was written, by whom, and who has it? The oracles' knowledge: unique writes, kept apart from
// everything that the replicas themselves remember.

import { replicaKey, type ReplicaKey } from "../../sync/crdt/lattice.ts";
import type { EdgeLinkRecord } from "../../sync/link/edge.ts";
import type { Collection } from "../../sync/replica/kind.ts";

/** One write. */
export interface Write {
  readonly id: number;
  /** The number of the edge; -1 for the hub. */
  readonly node: number;
  readonly collection: Collection;
  /** The key without the life of a component. */
  readonly key: string;
  readonly what:
    /** A value in a total order: the greatest counts. `replaced`: what an author had unmade. */
    | { readonly kind: "chain"; value: unknown; replaced?: unknown }
    | { readonly kind: "add"; value: unknown }
    /** Removes what its author had: the ids of additions, sure or possible. */
    | Removal
    /** Adds to a count: one number, or several of a sum. */
    | { readonly kind: "count"; readonly by: readonly number[] }
    /** Replaces the values that its author saw. */
    | { readonly kind: "note"; readonly value: string; readonly sees: readonly string[] };
  /** The seq at its author's, in the life and on the link that it then had. */
  readonly seq: number;
  readonly link: number;
  readonly life: ReplicaKey;
}

/** A removal by an author that knew the hub up to its seq `context`. */
export interface Removal {
  readonly kind: "remove";
  readonly sure: Set<number>;
  readonly maybe: Set<number>;
  readonly context: number;
}

/** How sure it is that an addition has been removed. */
export type Fate = "there" | "doubtful" | "removed";

/** An addition that came to the hub, after its seq `from` and by its seq `to`. */
export interface Addition {
  readonly id: number;
  readonly from: number;
  readonly to: number;
}

/** What a frame carried that was sent by a life, and up to which seq it said everything. */
export interface Carried {
  readonly replicaEpoch: number;
  readonly to: number;
  readonly ids: readonly number[];
}

/** How much a shadow held. */
export interface Extent {
  readonly writes: number;
  readonly seen: number;
  readonly perhaps: number;
}

/** What one disk is known to hold. */
export class Shadow {
  /** Ids of own writes, at an edge; of applied ones and own ones, at the hub. */
  writes: number[] = [];
  /** Additions of others that an edge has been told of: sure, and perhaps. */
  seen: number[] = [];
  perhaps: number[] = [];
  /** The hub: what became of additions, and in which order they came. */
  readonly fates = new Map<number, Fate>();
  readonly additions: Addition[] = [];
  /** An edge: what its frames carried, and what of it was confirmed to which of its former lives. */
  readonly carried: Carried[] = [];
  readonly confirmed = new Map<number, ReplicaKey>();
  /** What `writes` holds, to look up. */
  #held = new Set<number>();

  has(id: number): boolean {
    return this.#held.has(id);
  }

  add(id: number): void {
    if (this.#held.has(id)) return;
    this.#held.add(id);
    this.writes.push(id);
  }

  get extent(): Extent {
    return { writes: this.writes.length, seen: this.seen.length, perhaps: this.perhaps.length };
  }

  /** Forgets what came later. */
  cutTo({ writes, seen, perhaps }: Extent): void {
    for (const id of this.writes.slice(writes)) this.#held.delete(id);
    this.writes = this.writes.slice(0, writes);
    this.seen = this.seen.slice(0, seen);
    this.perhaps = this.perhaps.slice(0, perhaps);
  }

  copy(): Shadow {
    const copy = new Shadow();
    for (const id of this.writes) copy.add(id);
    copy.seen = [...this.seen];
    copy.perhaps = [...this.perhaps];
    for (const [id, fate] of this.fates) copy.fates.set(id, fate);
    copy.additions.push(...this.additions);
    copy.carried.push(...this.carried);
    for (const [id, life] of this.confirmed) copy.confirmed.set(id, life);
    return copy;
  }

  /** Own writes that the hub has confirmed to an edge whose link stands at `record`. */
  confirmedBy({ replicaEpoch, cursor }: EdgeLinkRecord): Set<number> {
    const arrived = this.carried.filter(
      (frame) => frame.replicaEpoch === replicaEpoch && frame.to <= cursor.seq,
    );
    return new Set([...this.confirmed.keys(), ...arrived.flatMap(({ ids }) => ids)]);
  }

  /** What was confirmed is not known any more. */
  forgetConfirmed(): void {
    this.carried.length = 0;
    this.confirmed.clear();
  }

  /** A life has ended where `record` stood. */
  endLife(record: EdgeLinkRecord): void {
    const life = replicaKey(record.replica, record.replicaEpoch);
    for (const id of this.confirmedBy(record))
      if (!this.confirmed.has(id)) this.confirmed.set(id, life);
  }
}

/** All writes ever made. */
export class Ledger {
  readonly #writes: Write[] = [];

  get size(): number {
    return this.#writes.length;
  }

  record(write: Omit<Write, "id">): Write {
    const recorded = { ...write, id: this.#writes.length };
    this.#writes.push(recorded);
    return recorded;
  }

  get(id: number): Write {
    const write = this.#writes[id];
    if (write === undefined) throw new RangeError(`There is no write ${id}`);
    return write;
  }

  all(): readonly Write[] {
    return this.#writes;
  }

  of(ids: Iterable<number>): Write[] {
    return [...ids].map((id) => this.get(id));
  }
}
