// How do the groups of a frame become bits? Each its collection and kind, its keys, then row by row what
// is said of them; what has a form that is not known here is coded byte by byte.

import {
  COLLECTION_ID_MAX,
  FRAME_BYTES_MAX,
  FRAME_GROUPS_MAX,
  FRAME_STATE_ENTRIES_MAX,
} from "../../limits.ts";
import type { Group } from "../frame.ts";
import type { RangeCoder } from "./coder.ts";
import { KeyCoder, type CodedKeys } from "./keys.ts";
import type { LinkMemory } from "./memory.ts";
import { codeNumber } from "./numbers.ts";
import { LikeCoder, type LikeKeys, type Steps } from "./like.ts";
import { RowCoder } from "./row-coder.ts";
import { formOf, parseRows, Rows, writeRows, type Form } from "./rows.ts";
import type { Surroundings } from "./surroundings.ts";
import type { KeyTable } from "./table.ts";

/** Flags of a table. */
const IS_SAME_KIND = 0;
const IS_BYTES = 1;
const HAS_MORE = 7;
const IS_SORTED = 3;

const FIELD_GROUPS = 0;
const FIELD_COLLECTION = 1;
const FIELD_KIND = 2;
const FIELD_BYTES = 3;

/** Codes groups; of none it reads them. */
export class GroupCoder {
  readonly #coder: RangeCoder;
  readonly #memory: LinkMemory;
  readonly #around: Surroundings;
  #room: number = FRAME_STATE_ENTRIES_MAX;
  #before: Steps | null = null;

  constructor(coder: RangeCoder, memory: LinkMemory, around: Surroundings) {
    this.#coder = coder;
    this.#memory = memory;
    this.#around = around;
  }

  code(groups: readonly Group[] | null): Group[] {
    const coder = this.#coder;
    const count = codeNumber(coder, this.#memory.field(FIELD_GROUPS), groups?.length ?? 0);
    if (count > FRAME_GROUPS_MAX) coder.fail();
    const coded: Group[] = [];
    for (let i = 0; i < count && !coder.broken; i += 1) coded.push(this.#codeGroup(groups?.[i]));
    return coded;
  }

  #codeGroup(given: Group = NOTHING): Group {
    const coder = this.#coder;
    const { way } = this.#around;
    const collection = this.#codeId(FIELD_COLLECTION, given.collection);
    if (collection === 0) coder.fail();
    const table = this.#memory.of(collection);
    const kind = this.#codeKind(table, given.kind);
    this.#around.note(collection, kind);
    const form = formOf(kind, way);
    const rows = form && !coder.isReading ? parseRows(form, given.body, given.keys.length) : null;
    const isBytes = coder.bit(table.slots.flags + IS_BYTES, rows ? 0 : 1);
    const coded = this.#codeKeys(table, given);
    this.#room -= coded.ids.length;
    if (this.#room < 0) coder.fail();
    const content =
      isBytes || !form
        ? this.#codeBytes(table, coded, given)
        : this.#codeRows(table, form, coded, rows, given);
    // Without a form there are only bytes.
    if (!isBytes && !form) coder.fail();
    return { collection, kind, ...content };
  }

  #codeKind(table: KeyTable, given: number): number {
    const coder = this.#coder;
    const isSame = coder.bit(table.slots.flags + IS_SAME_KIND, given === table.kind ? 1 : 0);
    if (!isSame) table.kind = this.#codeId(FIELD_KIND, given);
    return table.kind < 0 ? coder.fail() : table.kind;
  }

  #codeRows(
    table: KeyTable,
    form: Form,
    coded: LikeKeys,
    parsed: Rows | null,
    given: Group,
  ): Pick<Group, "keys" | "body"> {
    const coder = this.#coder;
    const keys = coded.ids.map((id) => table.keys[id] as string);
    const rows = parsed ?? new Rows(keys.length);
    const rowCoder = new RowCoder(coder, this.#memory, this.#around, { table, form, rows });
    const steps = rowCoder.code(coded, coded.before);
    this.#before = { keys, steps, tails: coded.ids.map((id) => table.tailOf[id] as number) };
    const isRead = coder.isReading && !coder.broken;
    return { keys, body: isRead ? writeRows(form, rows) : given.body };
  }

  #codeId(field: number, given: number): number {
    const id = codeNumber(this.#coder, this.#memory.field(field), given);
    return id > COLLECTION_ID_MAX ? this.#coder.fail() : id;
  }

  /** Keys are some of those of the group before, then others as they are sorted. */
  #codeKeys(table: KeyTable, { keys }: Group): LikeKeys {
    const coder = this.#coder;
    const given = coder.isReading ? null : keys;
    const like = new LikeCoder(coder, table, this.#before, given);
    const { rest } = like;
    if (rest && !coder.bit(table.slots.flags + HAS_MORE, rest.length > 0 ? 1 : 0)) return like.keys;
    const others = given && rest ? rest.map((place) => keys[place] as string) : given;
    const { side } = this.#around;
    const room = this.#room - like.keys.ids.length;
    const { ids, from } = new KeyCoder(coder, this.#memory, { table, side }, room, others).code();
    return like.withOthers(ids, from);
  }

  /** What cannot be taken apart: as it is, with its keys in the order in which they were given. */
  #codeBytes(
    table: KeyTable,
    { ids, from }: CodedKeys,
    given: Group,
  ): Pick<Group, "keys" | "body"> {
    const coder = this.#coder;
    const memory = this.#memory;
    const places = codeOrder(coder, table.slots.flags + IS_SORTED, from);
    for (const [at, place] of places.entries())
      this.#around.note(table.digestOf(ids[at] as number), place);
    const keys: string[] = [];
    for (const [at, place] of places.entries())
      keys[place] = table.keys[ids[at] as number] as string;
    const length = codeNumber(coder, memory.field(FIELD_BYTES), given.body.length);
    this.#before = null;
    const body = this.#around.codeText(coder, memory.bytes, given.body, length, FRAME_BYTES_MAX);
    return { keys, body };
  }
}

/** Stands for what is read. */
const NOTHING: Group = { collection: 0, kind: 0, keys: [], body: new Uint8Array(0) };

/** Codes where each key was given, unless that is the order in which they are coded. */
function codeOrder(coder: RangeCoder, slot: number, from: readonly number[]): readonly number[] {
  const { length } = from;
  const isSorted = coder.bit(slot, from.every((place, at) => place === at) ? 1 : 0);
  const sorted = from.map((_, at) => at);
  if (isSorted || coder.broken) return sorted;
  const bits = 32 - Math.clz32(length - 1);
  const places = from.map((place) => coder.plain(bits, place));
  const isOrder = new Set(places).size === length && places.every((place) => place < length);
  if (!isOrder) coder.fail();
  return isOrder ? places : sorted;
}
