// How are event times stored? Divided by what all their distances are multiples of, then either as
// plain whole numbers or, where a device keeps a period, as the slot that each is in and how far it
// is off: so its jitter is paid once, and an instant that was missed costs nothing after it.

import { TIME_MS_MAX } from "../../sync/limits.ts";
import { ByteWriter, type ByteReader } from "../../sync/wire/bytes.ts";
import { gcd } from "./grid.ts";
import { readWholeNumbers, writeWholeNumbers } from "./whole-numbers.ts";

const PLAIN = 0;
const SLOTS = 1;
/** Distances of which the middle one is taken. */
const SAMPLES = 63;

/** Writes ascending times; their number and the first of them, the reader knows. */
export function writeTimeColumn(writer: ByteWriter, times: Float64Array): void {
  if (times.length < 2) return;
  const first = times[0] as number;
  const unit = unitOf(times);
  const units = new Float64Array(times.length - 1);
  for (let at = 1; at < times.length; at += 1)
    units[at - 1] = ((times[at] as number) - first) / unit;
  writer.varint(unit);
  const plain = new ByteWriter();
  plain.byte(PLAIN);
  writeWholeNumbers(plain, units);
  const slots = new ByteWriter();
  writeSlots(slots, units);
  writer.raw(slots.length < plain.length ? slots.bytes() : plain.bytes());
}

/** Reads `count` times, or breaks the reader; whether they ascend, the caller finds out. */
export function readTimeColumn(reader: ByteReader, count: number, first: number): Float64Array {
  const times = new Float64Array(count).fill(first);
  if (count < 2) return times;
  const unit = reader.varint();
  const form = reader.byte();
  if (unit === 0 || unit > TIME_MS_MAX || form > SLOTS) reader.fail();
  const units = form === PLAIN ? readWholeNumbers(reader, count - 1) : readSlots(reader, count - 1);
  if (reader.broken) return new Float64Array(0);
  for (let at = 1; at < count; at += 1) times[at] = first + (units[at - 1] as number) * unit;
  return times;
}

function unitOf(times: Float64Array): number {
  let unit = 0;
  for (let at = 1; at < times.length && unit !== 1; at += 1)
    unit = gcd((times[at] as number) - (times[0] as number), unit);
  return unit;
}

/** The period, then how many slots each instant skipped, then how far it is from its slot. */
function writeSlots(writer: ByteWriter, units: Float64Array): void {
  const period = periodOf(units);
  const skipped = new Float64Array(units.length);
  const offsets = new Float64Array(units.length);
  let before = 0;
  for (let at = 0; at < units.length; at += 1) {
    const slot = Math.round((units[at] as number) / period);
    skipped[at] = slot - before - 1;
    offsets[at] = (units[at] as number) - slot * period;
    before = slot;
  }
  writer.byte(SLOTS);
  writer.varint(period);
  writeWholeNumbers(writer, skipped);
  writeWholeNumbers(writer, offsets);
}

function readSlots(reader: ByteReader, count: number): Float64Array {
  const period = reader.varint();
  const skipped = readWholeNumbers(reader, count);
  const offsets = readWholeNumbers(reader, count);
  if (period > TIME_MS_MAX) reader.fail();
  if (reader.broken) return new Float64Array(0);
  let slot = 0;
  for (let at = 0; at < count; at += 1) {
    slot += (skipped[at] as number) + 1;
    offsets[at] = slot * period + (offsets[at] as number);
  }
  return offsets;
}

/** The distance in the middle of some, made exact by the whole length if the two agree. */
function periodOf(units: Float64Array): number {
  const distances = new Float64Array(Math.min(units.length, SAMPLES));
  for (let i = 0; i < distances.length; i += 1) {
    const at = Math.floor((i * units.length) / distances.length);
    distances[i] = (units[at] as number) - (units[at - 1] ?? 0);
  }
  distances.sort();
  const middle = distances[distances.length >> 1] as number;
  const last = units.at(-1) as number;
  const slots = Math.round(last / middle);
  const exact = Math.round(last / slots);
  return Math.abs(exact - middle) * 8 < middle ? exact : middle;
}
