// What does a simulated disk keep through a crash? What was synchronised, and of what was written
// since a part from the front; the row after that may be torn.

import type { ReplicaStore, StoredReplica } from "../../sync/replica/store.ts";
import type { Prng } from "./prng.ts";

/** Thrown in the middle of a turn: the machine stops here. */
export class MachineStopped extends Error {}

type Operation =
  | { readonly kind: "append"; readonly row: Uint8Array }
  | { readonly kind: "checkpoint"; readonly pages: ReadonlyMap<number, Uint8Array | null> };

/** What a disk holds. */
export interface DiskImage {
  readonly pages: ReadonlyMap<number, Uint8Array>;
  readonly rows: readonly Uint8Array[];
}

export class SimDisk implements ReplicaStore {
  #durable: DiskImage;
  #unsynced: Operation[] = [];
  #operationsLeft = Infinity;
  /** Rows and checkpoints ever written. */
  writes = 0;

  constructor(image: DiskImage = { pages: new Map(), rows: [] }) {
    this.#durable = image;
  }

  load(): StoredReplica {
    const { pages, rows } = this.image();
    return { pages: pages.values(), rows };
  }

  append(row: Uint8Array): void {
    this.#write({ kind: "append", row });
  }

  checkpoint(pages: ReadonlyMap<number, Uint8Array | null>): void {
    this.#write({ kind: "checkpoint", pages });
  }

  /** Everything that was written is durable now: an answer or a request leaves. */
  sync(): void {
    this.#durable = this.image();
    this.#unsynced = [];
    this.#operationsLeft = Infinity;
  }

  /** Stops the machine at the write after the next `operations`. */
  armStop(operations: number): void {
    this.#operationsLeft = operations;
  }

  /** What is held, synchronised or not. */
  image(): DiskImage {
    return this.#unsynced.reduce(applied, this.#durable);
  }

  /** Writes that a crash may lose. */
  get unsynced(): number {
    return this.#unsynced.length;
  }

  /**
   * Loses what a crash loses.
   *
   * @returns How many of the writes that were not synchronised have survived.
   */
  crash(rng: Prng, canTear: boolean): number {
    const survivors = rng.below(this.#unsynced.length + 1);
    const torn = this.#unsynced[survivors];
    this.#durable = this.#unsynced.slice(0, survivors).reduce(applied, this.#durable);
    if (torn?.kind === "append" && canTear && rng.chance(0.5)) {
      const row = torn.row.slice(0, rng.below(torn.row.length));
      this.#durable = { ...this.#durable, rows: [...this.#durable.rows, row] };
    }
    this.#unsynced = [];
    this.#operationsLeft = Infinity;
    return survivors;
  }

  #write(operation: Operation): void {
    this.#operationsLeft -= 1;
    if (this.#operationsLeft === -1) throw new MachineStopped();
    this.writes += 1;
    this.#unsynced.push(operation);
    if (this.#operationsLeft === 0 && operation.kind === "append") throw new MachineStopped();
  }
}

function applied(image: DiskImage, operation: Operation): DiskImage {
  if (operation.kind === "append") return { ...image, rows: [...image.rows, operation.row] };
  const pages = new Map(image.pages);
  for (const [number, page] of operation.pages) {
    if (page === null) pages.delete(number);
    else pages.set(number, page);
  }
  return { pages, rows: [] };
}
