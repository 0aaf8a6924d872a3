// How are doubles stored that are no short decimals? As their differences in bits (Gorilla: Pelkonen
// et al. 2015), as the upper halves predicted and the lower halves as they are, or all as they are.

import { ByteWriter, type ByteReader } from "../../sync/wire/bytes.ts";
import { BitReader, BitWriter } from "./bits.ts";
import { pow2 } from "./powers.ts";
import { readWholeNumbers, writeWholeNumbers } from "./whole-numbers.ts";

/** Writes the values as they are. */
export function writeRaw(values: Float64Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < values.length; at += 1) view.setFloat64(at * 8, values[at] as number, true);
  return bytes;
}

/** Reads `count` values, or breaks the reader. */
export function readRaw(reader: ByteReader, count: number): Float64Array {
  const bytes = reader.raw(count * 8);
  const values = new Float64Array(bytes.length / 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < values.length; at += 1) values[at] = view.getFloat64(at * 8, true);
  return values;
}

/** The upper and the lower 32 bits of each. */
function halvesOf(values: Float64Array): { readonly high: Uint32Array; readonly low: Uint32Array } {
  const high = new Uint32Array(values.length);
  const low = new Uint32Array(values.length);
  const view = new DataView(values.slice().buffer);
  const isLittle = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  for (let at = 0; at < values.length; at += 1) {
    low[at] = view.getUint32(at * 8 + (isLittle ? 0 : 4), isLittle);
    high[at] = view.getUint32(at * 8 + (isLittle ? 4 : 0), isLittle);
  }
  return { high, low };
}

function joinHalves(high: Uint32Array, low: Uint32Array): Float64Array {
  const values = new Float64Array(high.length);
  const view = new DataView(new ArrayBuffer(8));
  for (let at = 0; at < high.length; at += 1) {
    view.setUint32(0, high[at] as number);
    view.setUint32(4, low[at] as number);
    values[at] = view.getFloat64(0);
  }
  return values;
}

/** Writes the upper halves as whole numbers that ascend with the value, then the lower halves. */
export function writeHalves(values: Float64Array): Uint8Array {
  const { high, low } = halvesOf(values);
  const writer = new ByteWriter();
  const ordinals = new Float64Array(high.length);
  for (let at = 0; at < high.length; at += 1) ordinals[at] = ordered(high[at] as number);
  writeWholeNumbers(writer, ordinals);
  for (const half of low) writer.uint32(half);
  return writer.bytes();
}

/** Reads `count` values, or breaks the reader. */
export function readHalves(reader: ByteReader, count: number): Float64Array {
  const ordinals = readWholeNumbers(reader, count);
  const low = new Uint32Array(ordinals.length);
  const high = new Uint32Array(ordinals.length);
  for (let at = 0; at < low.length && !reader.broken; at += 1) {
    low[at] = reader.uint32();
    high[at] = unordered(ordinals[at] as number);
  }
  return joinHalves(high, low);
}

function ordered(half: number): number {
  return half < 0x80000000 ? half : 0x7fffffff - half;
}

function unordered(ordinal: number): number {
  return ordinal >= 0 ? ordinal : 0x7fffffff - ordinal;
}

/** Bits that say where a window is. */
const WINDOW_BITS = 12;

/** What differs between two neighbours lies between so many zeros at the front and at the end. */
interface Window {
  leading: number;
  trailing: number;
}

/** Writes the bits in which each value differs from the one before it. */
export function writeGorilla(values: Float64Array): Uint8Array {
  const { high, low } = halvesOf(values);
  const writer = new BitWriter(values.length * 8);
  const window: Window = { leading: 64, trailing: 0 };
  let [highBefore, lowBefore] = [0, 0];
  for (let at = 0; at < values.length; at += 1) {
    const h = high[at] as number;
    const l = low[at] as number;
    writeDifference(writer, (h ^ highBefore) >>> 0, (l ^ lowBefore) >>> 0, window);
    highBefore = h;
    lowBefore = l;
  }
  return writer.bytes();
}

/** Reads `count` values; anything gives some. */
export function readGorilla(bytes: Uint8Array, count: number): Float64Array {
  const reader = new BitReader(bytes);
  const high = new Uint32Array(count);
  const low = new Uint32Array(count);
  const window: Window = { leading: 64, trailing: 0 };
  let [h, l] = [0, 0];
  for (let at = 0; at < count; at += 1) {
    const difference = readDifference(reader, window);
    h = (h ^ difference.high) >>> 0;
    l = (l ^ difference.low) >>> 0;
    high[at] = h;
    low[at] = l;
  }
  return joinHalves(high, low);
}

function writeDifference(writer: BitWriter, high: number, low: number, window: Window): void {
  if (high === 0 && low === 0) {
    writer.bits(0, 1);
    return;
  }
  const leading = high === 0 ? 32 + Math.clz32(low) : Math.clz32(high);
  const trailing = low === 0 ? 32 + zerosAtEnd(high) : zerosAtEnd(low);
  const isInside = leading >= window.leading && trailing >= window.trailing;
  const spare = leading - window.leading + trailing - window.trailing;
  // A window that is much too wide costs more than a new one.
  if (isInside && spare <= WINDOW_BITS) {
    writer.bits(2, 2);
  } else {
    window.leading = leading;
    window.trailing = trailing;
    writer.bits(3, 2);
    writer.bits(leading, 6);
    writer.bits(64 - leading - trailing - 1, 6);
  }
  const highBits = Math.max(0, 32 - window.leading - Math.max(0, window.trailing - 32));
  const lowBits = lowBitsOf(window);
  writer.wide(window.trailing > 32 ? high >>> (window.trailing - 32) : high, highBits);
  writer.wide(window.trailing < 32 ? low >>> window.trailing : 0, lowBits);
}

function readDifference(
  reader: BitReader,
  window: Window,
): { readonly high: number; readonly low: number } {
  if (reader.bits(1) === 0) return { high: 0, low: 0 };
  if (reader.bits(1) === 1) {
    window.leading = reader.bits(6);
    window.trailing = Math.max(0, 64 - window.leading - (reader.bits(6) + 1));
  }
  const highBits = Math.max(0, 32 - window.leading - Math.max(0, window.trailing - 32));
  const lowBits = lowBitsOf(window);
  const high = reader.wide(highBits) * pow2(Math.max(0, window.trailing - 32));
  const low = reader.wide(lowBits) * pow2(Math.min(31, window.trailing));
  return { high, low };
}

/** How many bits of the lower half lie in a window. */
function lowBitsOf({ leading, trailing }: Window): number {
  return Math.max(0, Math.min(32, 64 - leading) - trailing);
}

function zerosAtEnd(half: number): number {
  return 31 - Math.clz32(half & -half);
}
