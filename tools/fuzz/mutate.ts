// How are good bytes made bad? As accidents and attackers would: bytes changed, cut, repeated and
// spliced, lengths and counts replaced by others; then the checksum is put right, so that the
// decoder behind it is reached.

import { crc32c } from "../../sync/wire/crc32c.ts";
import type { Sample } from "./corpus.ts";

/** Gives uniform whole numbers from 0 to `below` - 1; the same ones for the same seed. */
export type Random = (below: number) => number;

/** Makes the numbers of a seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const NUMBERS = [0, 1, 2, 127, 128, 255, 256, 512, 4_096, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
const KEYS = ["a", "b", "ab", "pump-7", "key/1/0"];

/** Picks one of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[random(list.length)];
  if (found === undefined) throw new RangeError("Nothing to pick from");
  return found;
}

/** Makes a case out of a sample; `other` is one of the same decoder to splice with. */
export function mutate(random: Random, sample: Sample, other: Sample): Sample {
  let { bytes } = sample;
  const edits = random(3) > 0 ? 1 : 1 + random(3);
  for (let i = 0; i < edits; i += 1) bytes = edit(random, bytes, other.bytes);
  const isClosed = sample.decoder === "up" || sample.decoder === "down" || isImage(sample);
  if (isClosed && random(16) > 0) bytes = withChecksum(bytes);
  const dictionary = random(8) === 0 ? KEYS.slice(0, random(KEYS.length + 1)) : sample.dictionary;
  const count = random(8) === 0 ? pick(random, [0, 1, 7, 4_096]) : sample.count;
  return { ...sample, bytes, dictionary, count };
}

function isImage({ decoder }: Sample): boolean {
  return decoder === "image";
}

function edit(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random(bytes.length + 1);
  switch (random(9)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return join(bytes.subarray(0, at), other.subarray(random(other.length + 1)));
    case 2:
      return join(bytes.subarray(0, at), bytes.subarray(random(at + 1)));
    case 3:
      return join(bytes.subarray(0, at), varint(random), bytes.subarray(at + random(3)));
    case 4:
      return changed(bytes, at, random(256));
    case 5:
      return changed(bytes, at, (bytes[at] ?? 0) ^ (1 << random(8)));
    default:
      return changed(bytes, at, (bytes[at] ?? 0) + (random(2) === 0 ? 1 : -1));
  }
}

function changed(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = bytes.slice();
  if (at < copy.length) copy[at] = byte;
  return copy;
}

function varint(random: Random): Uint8Array {
  const bytes: number[] = [];
  let rest = pick(random, NUMBERS) + random(2);
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.of(...bytes, rest);
}

function withChecksum(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) return bytes;
  const body = bytes.subarray(0, -4);
  const checksum = new Uint8Array(4);
  new DataView(checksum.buffer).setUint32(0, crc32c(body), true);
  return join(body, checksum);
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
