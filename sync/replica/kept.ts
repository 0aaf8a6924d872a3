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
  /** Hexadecimal. */
  readonly body: string;
}

const PREFIX = "kept:";
/** Bytes that a group, and a key in it, take beside their own. */
const BESIDE_BYTES = 8;

/** Groups that wait, kept as facts in the order in which they came. */
export class Kept {
  readonly #stored: StoredTable;
  #bytes: number;

  constructor(stored: StoredTable) {
    this.#stored = stored;
    this.#bytes = this.#facts().reduce((sum, [, group]) => sum + roomOf(read(group)), 0);
  }

  /** Bytes that are taken, of KEPT_BYTES_MAX. */
  bytes(): number {
    return this.#bytes;
  }

  hasRoom(groups: readonly Group[]): boolean {
    return groups.reduce((sum, group) => sum + roomOf(group), this.#bytes) <= KEPT_BYTES_MAX;
  }

  keep(link: number, groups: readonly Group[], limitMs: number): void {
    if (groups.length === 0) return;
    const last = this.#facts().at(-1)?.[0] ?? `${PREFIX}0`;
    let number = Number(last.slice(PREFIX.length));
    for (const group of groups) {
      number += 1;
      this.#bytes += roomOf(group);
      const body = toHex(group.body);
      this.#stored.state(`${PREFIX}${number}`, { ...group, link, limitMs, body });
    }
  }

  /** Takes out what `isKnown` names. */
  take(isKnown: (group: Group) => boolean): KeptGroup[] {
    const taken: KeptGroup[] = [];
    for (const [name, stored] of this.#facts()) {
      const { link, limitMs, ...group } = read(stored);
      if (!isKnown(group)) continue;
      this.#stored.state(name, null);
      this.#bytes -= roomOf(group);
      taken.push({ link, limitMs, group });
    }
    return taken;
  }

  #facts(): [string, StoredGroup][] {
    return [...this.#stored.facts()]
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, fact]) => [name, fact as StoredGroup]);
  }
}

function read(stored: StoredGroup): Group & Pick<StoredGroup, "link" | "limitMs"> {
  return { ...stored, body: fromHex(stored.body) };
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(i * 2, i * 2 + 2), 16),
  );
}

function roomOf({ keys, body }: Group): number {
  return keys.reduce((sum, key) => sum + key.length + BESIDE_BYTES, body.length + BESIDE_BYTES * 8);
}
