// Which entries are of one device? Those of a collection whose keys begin with the device's name and
// a slash, by device: a replica looks keys up, and does not look for them.

import type { Collection } from "../sync/replica/kind.ts";

/** What is asked of a replica, of either end. */
export interface HeldKeys {
  /** Every key of a collection that is held, those of deletions too. */
  held(collection: Collection<never>): ReadonlyMap<string, unknown>;
}

/** The keys of a collection, by device. */
export class KeysOfDevices {
  readonly #replica: HeldKeys;
  readonly #collection: Collection<never>;
  readonly #keys = new Map<string, Set<string>>();

  constructor(replica: HeldKeys, collection: Collection<never>) {
    this.#replica = replica;
    this.#collection = collection;
    this.look();
  }

  /** Every key that is held, deletions too. */
  get size(): number {
    return this.#replica.held(this.#collection).size;
  }

  /** Names the devices that have a key. */
  devices(): string[] {
    return [...this.#keys.keys()];
  }

  /** The keys of a device; one that has gone is forgotten now. */
  of(device: string): readonly string[] {
    const known = this.#keys.get(device);
    if (known === undefined) return [];
    const held = this.#replica.held(this.#collection);
    for (const key of known) if (!held.has(key)) known.delete(key);
    if (known.size === 0) this.#keys.delete(device);
    return [...known];
  }

  /** Notes keys that were written, or were to be: one that is not held was refused. */
  note(written: Iterable<string>): void {
    const held = this.#replica.held(this.#collection);
    for (const key of written) {
      if (!held.has(key)) continue;
      const device = key.slice(0, key.indexOf("/"));
      const known = this.#keys.get(device);
      if (known === undefined) this.#keys.set(device, new Set([key]));
      else known.add(key);
    }
  }

  /** Looks at everything that is held. */
  look(): void {
    this.#keys.clear();
    this.note(this.#replica.held(this.#collection).keys());
  }
}
