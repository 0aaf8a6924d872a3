// At which instants does a column have a reading? At all, at those of an earlier column, or as bits,
// runs, gaps or modelled bits, whichever takes the fewest bytes.

import { ByteWriter, type ByteReader } from "../../sync/wire/bytes.ts";
import { decodeModelledBits, encodeModelledBits } from "./modelled.ts";
import { packBits, unpackBits } from "./packed-bits.ts";
import { readWholeNumbers, writeWholeNumbers } from "./whole-numbers.ts";

/** Forms of presence; a column's flags hold one of them. */
export const ALL = 0;
export const AS_BEFORE = 1;
const BITS = 2;
const RUNS = 3;
const GAPS = 4;
const MODELLED = 5;

/** What a column says about its rows. */
export interface Presence {
  readonly form: number;
  readonly bytes: Uint8Array;
}

/** Chooses how to say which of `instants` rows are there; not yet whether another column says so. */
export function presenceOf(rows: Uint16Array, instants: number): Presence {
  if (rows.length === instants) return { form: ALL, bytes: new Uint8Array(0) };
  const bits = new Uint8Array(instants);
  for (const row of rows) bits[row] = 1;
  const tried: Presence[] = [
    { form: BITS, bytes: packBits(bits) },
    { form: RUNS, bytes: runs(bits) },
    { form: GAPS, bytes: gaps(rows) },
    { form: MODELLED, bytes: modelled(bits) },
  ];
  return tried.reduce((best, one) => (one.bytes.length < best.bytes.length ? one : best));
}

/** Reads which `count` of `instants` rows are there, or breaks the reader. */
export function readPresence(
  reader: ByteReader,
  form: number,
  count: number,
  instants: number,
): Uint16Array {
  switch (form) {
    case ALL:
      if (count !== instants) reader.fail();
      return allRows(instants);
    case BITS:
      return rowsOf(reader, unpackBits(reader.raw((instants + 7) >> 3), instants), count);
    case RUNS:
      return readRuns(reader, count, instants);
    case GAPS:
      return readGaps(reader, count, instants);
    case MODELLED:
      return rowsOf(reader, decodeModelledBits(reader.block(instants), instants), count);
    default:
      reader.fail();
      return new Uint16Array(0);
  }
}

function allRows(instants: number): Uint16Array {
  const rows = new Uint16Array(instants);
  for (let row = 0; row < instants; row += 1) rows[row] = row;
  return rows;
}

/** Lengths of runs in turn: absent, present, and so on; the last run goes to the end. */
function runs(bits: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  const ends = [...bits.keys()].filter((at) => bits[at] !== (at === 0 ? 0 : bits[at - 1]));
  writer.varint(ends.length);
  let before = 0;
  for (const end of ends) {
    writer.varint(end - before);
    before = end;
  }
  return writer.bytes();
}

function readRuns(reader: ByteReader, count: number, instants: number): Uint16Array {
  const bits = new Uint8Array(instants);
  const ends = reader.count(instants, 8);
  let at = 0;
  for (let run = 0; run <= ends && !reader.broken; run += 1) {
    const length = run < ends ? reader.varint() : instants - at;
    if (length > instants - at) reader.fail();
    else if (run % 2 === 1) bits.fill(1, at, at + length);
    at += length;
  }
  return rowsOf(reader, bits, count);
}

function gaps(rows: Uint16Array): Uint8Array {
  const writer = new ByteWriter();
  writeWholeNumbers(
    writer,
    Float64Array.from(rows, (row, at) => row - (at === 0 ? -1 : (rows[at - 1] as number)) - 1),
  );
  return writer.bytes();
}

function readGaps(reader: ByteReader, count: number, instants: number): Uint16Array {
  const lengths = readWholeNumbers(reader, count);
  const rows = new Uint16Array(lengths.length);
  let row = -1;
  for (let at = 0; at < rows.length; at += 1) {
    const gap = lengths[at] as number;
    row += gap + 1;
    if (gap < 0 || row >= instants) reader.fail();
    rows[at] = row;
  }
  return rows;
}

function modelled(bits: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writer.block(encodeModelledBits(bits));
  return writer.bytes();
}

function rowsOf(reader: ByteReader, bits: Uint8Array, count: number): Uint16Array {
  const rows = new Uint16Array(count);
  let found = 0;
  for (let row = 0; row < bits.length; row += 1) {
    if (bits[row] !== 1) continue;
    rows[found] = row;
    found += 1;
  }
  if (found !== count) reader.fail();
  return rows;
}
