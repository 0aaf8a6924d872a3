// What does a replica expect of its storage? One row a commit, and now and then the state itself in
// pages, so that neither a write nor a start costs more than what changed.

import { place } from "./table.ts";

/**
 * The durable state of one replica: pages, and rows that were appended since they were written.
 *
 * - Order: rows come back in the order in which they were appended.
 * - Atomicity: a row is there whole or not at all; a checkpoint replaces its pages and forgets all
 *   rows, or does nothing.
 * - Durability: what was appended before an answer or a request leaves the replica is there after a
 *   crash.
 * - Limits: a row or page may be larger than the storage's own limit of a value; the store splits it.
 */
export interface ReplicaStore {
  load(): StoredReplica;
  append(row: Uint8Array): void;
  /** Writes pages by number; null removes one. */
  checkpoint(pages: ReadonlyMap<number, Uint8Array | null>): void;
}

/** Everything that is stored; pages in any order. */
export interface StoredReplica {
  readonly pages: Iterable<Uint8Array>;
  readonly rows: Iterable<Uint8Array>;
}

/** A store that lives as long as its process: for tests, and where state may be lost. */
export class MemoryReplicaStore implements ReplicaStore {
  #pages = new Map<number, Uint8Array>();
  #rows: Uint8Array[] = [];

  load(): StoredReplica {
    return { pages: [...this.#pages.values()], rows: [...this.#rows] };
  }

  append(row: Uint8Array): void {
    this.#rows.push(row);
  }

  checkpoint(pages: ReadonlyMap<number, Uint8Array | null>): void {
    // What breaks off halfway changes nothing.
    const next = new Map(this.#pages);
    for (const [number, page] of pages) place(next, number, page);
    this.#pages = next;
    this.#rows = [];
  }
}
