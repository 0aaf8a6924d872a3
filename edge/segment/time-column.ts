// How are event times stored? Divided by what all their distances are multiples of, then either as
// plain whole numbers or, where a device keeps a period, as the slot that each is in and how far it
// is off: so its jitter is paid once, and an instant that was missed costs nothing after it.

import { TIME_MS_MAX } from "../../sync/limits.ts";
import type { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { gcd } from "./grid.ts";
import { planWholeNumbers, readWholeNumbers, writePlanned } from "./whole-numbers.ts";

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
  const plain = planWholeNumbers(units);
  const { period, skipped, offsets } = slotsOf(units);
  const slots = [planWholeNumbers(skipped), planWholeNumbers(offsets)] as const;
  // By the estimate: encoding both to see which is smaller would cost as much as all values.
  const isSlots = slots[0].bits + slots[1].bits < plain.bits;
  writer.byte(isSlots ? SLOTS : PLAIN);
  if (isSlots) writer.varint(period);
  for (const numbers of isSlots ? slots : [plain]) writePlanned(writer, numbers);
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

/** The period, how many slots each instant skipped, and how far it is from its slot. */
function slotsOf(units: Float64Array): {
  readonly period: number;
  readonly skipped: Float64Array;
  readonly offsets: Float64Array;
} {
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
  return { period, skipped, offsets };
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
