// What do the plain columns of a group say, row by row? Taken apart here for the kinds that most bytes
// are of, and put together again to the very same bytes. What has another form stays bytes.

import { LOGICAL_MAX } from "../../clock/hlc.ts";
import { STRING_BYTES_MAX, TIME_MS_MAX } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Cases of a scalar, as docs/wire-format.md numbers them. */
export const NUMBER = 3;
const FLOAT = 4;
export const TEXT = 5;
const CASES = 7;
/** Numbers that are whole are written as such from here to here. */
const WHOLE_MIN: number = -(2 ** 52);
const WHOLE_MAX: number = 2 ** 52 - 1;

/** How the rows of a kind look in one way of a link. */
export interface Form {
  /** Each row says whether it is there; what is gone may say a natural. */
  readonly hasPresence: boolean;
  readonly hasContext: boolean;
  readonly value: "none" | "natural" | "number" | "written";
}

const WRITTEN: Form = { hasPresence: false, hasContext: false, value: "written" };
const NUMBERS: Form = { hasPresence: false, hasContext: false, value: "number" };
const NATURALS: Form = { hasPresence: false, hasContext: false, value: "natural" };
const SET_UP: Form = { hasPresence: true, hasContext: true, value: "none" };
const SET_DOWN: Form = { hasPresence: true, hasContext: false, value: "none" };
const MAP_UP: Form = { hasPresence: true, hasContext: true, value: "written" };
const MAP_DOWN: Form = { hasPresence: true, hasContext: false, value: "written" };

/** The forms that are known, by kind. */
const FORMS: Readonly<Record<number, Readonly<Record<"up" | "down", Form>>>> = {
  1: { up: WRITTEN, down: WRITTEN },
  2: { up: NUMBERS, down: NUMBERS },
  3: { up: NUMBERS, down: NUMBERS },
  4: { up: NATURALS, down: NATURALS },
  10: { up: SET_UP, down: SET_DOWN },
  11: { up: MAP_UP, down: MAP_DOWN },
  12: { up: NATURALS, down: NATURALS },
};

export function formOf(kind: number, way: "up" | "down"): Form | undefined {
  return FORMS[kind]?.[way];
}

/** Columns by row; of each row those count that its form and its cases have. */
export class Rows {
  readonly count: number;
  readonly isThere: Uint8Array;
  readonly wallMs: Float64Array;
  readonly logical: Int32Array;
  readonly tags: Uint8Array;
  /** Values, and naturals of what is gone. */
  readonly numbers: Float64Array;
  readonly texts: Uint8Array[] = [];

  constructor(count: number) {
    this.count = count;
    this.isThere = new Uint8Array(count).fill(1);
    this.wallMs = new Float64Array(count);
    this.logical = new Int32Array(count);
    this.tags = new Uint8Array(count);
    this.numbers = new Float64Array(count);
  }
}

export function isWhole(value: number): boolean {
  return Number.isInteger(value) && value >= WHOLE_MIN && value <= WHOLE_MAX;
}

/** Takes a body apart; null if it is not what the form's kind writes. */
export function parseRows(form: Form, body: Uint8Array, count: number): Rows | null {
  const reader = new ByteReader(body);
  if (count > body.length) return null;
  const rows = new Rows(count);
  if (form.hasPresence)
    for (let i = 0; i < count; i += 1) {
      const which = reader.byte();
      // Of what goes up 0 is there, of what goes down 1.
      rows.isThere[i] = form.hasContext ? 1 - which : which;
      if (which > 1) reader.fail();
    }
  // What goes up says what is there first; nothing is written of what is gone on the way down.
  if (form.value === "written") parseWritten(reader, rows);
  else if (form.value !== "none") parseNumbers(reader, rows, form.value);
  if (form.hasContext)
    for (let i = 0; i < count; i += 1) if (rows.isThere[i] === 0) rows.numbers[i] = reader.varint();
  return reader.isDone ? rows : null;
}

function parseNumbers(reader: ByteReader, rows: Rows, value: "natural" | "number"): void {
  if (value === "natural")
    for (let i = 0; i < rows.count; i += 1) rows.numbers[i] = reader.varint();
  else {
    for (let i = 0; i < rows.count; i += 1) {
      const which = reader.byte();
      rows.tags[i] = NUMBER + which;
      if (which > 1) reader.fail();
    }
    parseCells(reader, rows);
  }
}

function parseWritten(reader: ByteReader, rows: Rows): void {
  const { count, isThere } = rows;
  let wallMs = 0;
  for (let i = 0; i < count; i += 1) {
    if (isThere[i] === 0) continue;
    wallMs += reader.zigzag();
    if (wallMs < 0 || wallMs > TIME_MS_MAX) reader.fail();
    rows.wallMs[i] = wallMs;
  }
  for (let i = 0; i < count; i += 1) {
    if (isThere[i] === 0) continue;
    const logical = reader.varint();
    if (logical > LOGICAL_MAX) reader.fail();
    rows.logical[i] = logical;
  }
  for (let i = 0; i < count; i += 1) {
    if (isThere[i] === 0) continue;
    const tag = reader.byte();
    if (tag >= CASES) reader.fail();
    rows.tags[i] = tag;
  }
  parseCells(reader, rows);
}

/** Reads whole numbers, then floats, then texts. */
function parseCells(reader: ByteReader, rows: Rows): void {
  const { count, tags, numbers } = rows;
  for (let i = 0; i < count; i += 1) if (tags[i] === NUMBER) numbers[i] = reader.zigzag();
  for (let i = 0; i < count; i += 1) {
    if (tags[i] !== FLOAT) continue;
    const value = reader.float64();
    if (!Number.isFinite(value) || isWhole(value)) reader.fail();
    numbers[i] = value;
    tags[i] = NUMBER;
  }
  for (let i = 0; i < count && !reader.broken; i += 1)
    if (tags[i] === TEXT) rows.texts[i] = reader.block(STRING_BYTES_MAX);
}

/** Puts the body together again. */
export function writeRows(form: Form, rows: Rows): Uint8Array {
  const writer = new ByteWriter();
  if (form.hasPresence)
    for (const isThere of rows.isThere) writer.byte(form.hasContext ? 1 - isThere : isThere);
  if (form.value === "written") writeWritten(writer, rows);
  else if (form.value !== "none") writeNumbers(writer, rows, form.value);
  if (form.hasContext)
    for (let i = 0; i < rows.count; i += 1)
      if (rows.isThere[i] === 0) writer.varint(rows.numbers[i] as number);
  return writer.bytes();
}

function writeNumbers(writer: ByteWriter, rows: Rows, value: "natural" | "number"): void {
  if (value === "natural") for (const number of rows.numbers) writer.varint(number);
  else {
    for (const number of rows.numbers) writer.byte(isWhole(number) ? 0 : 1);
    writeCells(writer, rows);
  }
}

function writeWritten(writer: ByteWriter, rows: Rows): void {
  const { count, isThere, wallMs, logical, tags, numbers } = rows;
  let last = 0;
  for (let i = 0; i < count; i += 1) {
    if (isThere[i] === 0) continue;
    writer.zigzag((wallMs[i] as number) - last);
    last = wallMs[i] as number;
  }
  for (let i = 0; i < count; i += 1) if (isThere[i] !== 0) writer.varint(logical[i] as number);
  for (let i = 0; i < count; i += 1) {
    if (isThere[i] === 0) continue;
    const tag = tags[i] as number;
    writer.byte(tag === NUMBER && !isWhole(numbers[i] as number) ? FLOAT : tag);
  }
  writeCells(writer, rows);
}

function writeCells(writer: ByteWriter, { count, tags, numbers, texts }: Rows): void {
  for (let i = 0; i < count; i += 1)
    if (tags[i] === NUMBER && isWhole(numbers[i] as number)) writer.zigzag(numbers[i] as number);
  for (let i = 0; i < count; i += 1)
    if (tags[i] === NUMBER && !isWhole(numbers[i] as number)) writer.float64(numbers[i] as number);
  for (let i = 0; i < count; i += 1)
    if (tags[i] === TEXT) writer.block(texts[i] ?? new Uint8Array(0));
}
