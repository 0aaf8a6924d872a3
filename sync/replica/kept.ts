// What becomes of entries whose collection the hub does not know yet? They are kept as they came, and
// applied once it does: an edge may be newer than its hub.
//
// All of them are kept, not the last of each key. A body is columns of values of a kind that may not
// be known here: it cannot be taken apart by key. And a later value need not hold an earlier one: of
// a set an edge sends what was done, and once it is kept here, the edge forgets that it did it. So
// what is kept grows with what is sent, up to a bound, and there the link waits for a newer hub.

import { KEPT_BYTES_MAX } from "../limits.ts";
import type { Group } from "../wire/frame.ts";
import type { StoredTable } from "./stored-table.ts";

/** A group of a link. */
export interface KeptGroup {
  readonly link: number;
  /** No stamp in it may be later: it could not be read when it came. */
  readonly limitMs: number;
  readonly group: Group;
}

interface StoredGroup extends Omit<Group, "body"> {
  readonly link: number;
  readonly limitMs: number;
  /** Its bytes. */
  readonly body: readonly number[];
}

const PREFIX = "kept:";
/** Bytes that a group, and a key in it, take beside their own. */
const BESIDE_BYTES = 8;

/** Groups that wait, kept as facts in the order in which they came. */
export class Kept {
  readonly #stored: StoredTable;

  constructor(stored: StoredTable) {
    this.#stored = stored;
  }

  /** Bytes that are taken, of KEPT_BYTES_MAX. */
  bytes(): number {
    return roomOf(this.#facts().map(([, group]) => group));
  }

  hasRoom(groups: readonly Group[]): boolean {
    const bytes = roomOf(groups);
    return bytes === 0 || bytes + this.bytes() <= KEPT_BYTES_MAX;
  }

  keep(link: number, groups: readonly Group[], limitMs: number): void {
    for (const group of groups) {
      const last = this.#facts().at(-1)?.[0].slice(PREFIX.length) ?? 0;
      const body = [...group.body];
      this.#stored.state(PREFIX + (Number(last) + 1), { ...group, link, limitMs, body });
    }
  }

  /** Takes out what has a collection by now. */
  take(collectionOf: (group: Pick<Group, "collection" | "kind">) => unknown): KeptGroup[] {
    return this.#facts().flatMap(([name, { link, limitMs, body, ...rest }]) => {
      if (!collectionOf(rest)) return [];
      this.#stored.state(name, null);
      const group = { ...rest, body: Uint8Array.from(body) };
      return [{ link, limitMs, group }];
    });
  }

  #facts(): [string, StoredGroup][] {
    return this.#stored.factsOf(PREFIX) as [string, StoredGroup][];
  }
}

function roomOf(groups: readonly Pick<Group | StoredGroup, "keys" | "body">[]): number {
  return groups.reduce((sum, { keys, body }) => {
    const bytes = sum + body.length + BESIDE_BYTES * 8;
    return keys.reduce((room, key) => room + key.length + BESIDE_BYTES, bytes);
  }, 0);
}
