// What do the decoders and a hub make of broken bytes? Nothing throws, nothing hangs, nothing takes
// more room than its bound, and nothing that is refused changes anything.

import { decodeBatches } from "../../sync/wire/batch.ts";
import { ByteReader } from "../../sync/wire/bytes.ts";
import { KeyDictionary } from "../../sync/wire/dictionary.ts";
import { decodeDownFrame } from "../../sync/wire/down-frame.ts";
import { decodeUpFrame } from "../../sync/wire/up-frame.ts";
import { decodeImage } from "../../sync/replica/image.ts";
import type { Group } from "../../sync/wire/frame.ts";
import { kindOf } from "../frame/kinds.ts";
import { loadCorpus, type Decoder, type Sample } from "./corpus.ts";
import { FuzzHub } from "./fuzz-hub.ts";
import { mutate, pick, randomOf } from "./mutate.ts";
import { weigh } from "./weigh.ts";

/** What came of a run. */
export interface FuzzReport {
  readonly frames: number;
  /** Cases that a decoder took. */
  readonly decoded: number;
  /** Cases by decoder and reason; the hub's by outcome. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The most room that a decoder took for a byte of its input. */
  readonly bytesMaxAllocatedRatio: number;
  readonly slowestMs: number;
}

/** What is broken: the seed and number of a case give it again. */
export class FuzzFailure extends Error {}

/** Room a byte of input: a key of 256 characters in three bytes, or a row of a column in a bit. */
export const ALLOCATED_PER_BYTE_MAX = 400;
/** Room that a result may take whatever its input. */
const ALLOCATED_FREE = 2_048;
const MS_MAX = 2_000;
/** Cases between two reports of progress. */
const PROGRESS_CASES = 10_000;

/** Feeds `frames` cases of a seed to everything that takes bytes from outside. */
export function fuzz(
  seed: number,
  frames: number,
  progress: (frames: number) => void = () => undefined,
): FuzzReport {
  const random = randomOf(seed);
  const corpus = loadCorpus();
  const good = corpus.filter(({ isRefused }) => !isRefused);
  const byDecoder = Map.groupBy(corpus, ({ decoder }) => decoder);
  const hubs = FuzzHub.all();
  const reasons: Record<string, number> = {};
  let decoded = 0;
  let slowestMs = 0;
  let bytesMaxAllocatedRatio = 0;
  const count = (reason: string): void => {
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  };
  for (let number = 0; number < frames; number += 1) {
    const sample = pick(random, random(8) === 0 ? corpus : good);
    const other = pick(random, byDecoder.get(sample.decoder) ?? corpus);
    const made = mutate(random, sample, other);
    const startMs = performance.now();
    const outcome = guarded(made, seed, number, () => {
      const read = DECODERS[made.decoder](made);
      if (made.decoder === "up") count(`hub: ${pick(random, hubs).take(made.bytes)}`);
      return read;
    });
    const tookMs = performance.now() - startMs;
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > MS_MAX) fail(made, seed, number, `took ${tookMs} ms`);
    const isRead = typeof outcome !== "string";
    if (isRead) decoded += 1;
    count(`${made.decoder}: ${isRead ? "decoded" : outcome}`);
    const room = isRead ? weigh(outcome.value) - ALLOCATED_FREE : 0;
    const ratio = Math.max(0, room) / Math.max(1, made.bytes.length);
    if (ratio > ALLOCATED_PER_BYTE_MAX) fail(made, seed, number, `took ${ratio} bytes a byte`);
    bytesMaxAllocatedRatio = Math.max(bytesMaxAllocatedRatio, ratio);
    if ((number + 1) % PROGRESS_CASES === 0) progress(number + 1);
  }
  return { frames, decoded, reasons, bytesMaxAllocatedRatio, slowestMs };
}

/** What a decoder gave, or why it gave nothing. */
type Read = { readonly value: unknown } | string;

function guarded(sample: Sample, seed: number, number: number, run: () => Read): Read {
  try {
    return run();
  } catch (error) {
    return fail(sample, seed, number, String(error));
  }
}

function fail({ decoder, bytes }: Sample, seed: number, number: number, what: string): never {
  const hex = Buffer.from(bytes).toString("hex");
  throw new FuzzFailure(`Case ${number} of seed ${seed} (${decoder}): ${what}\n${hex}`);
}

function dictionaryOf({ dictionary }: Sample): KeyDictionary {
  const keys = new KeyDictionary();
  for (const key of dictionary) keys.add(key);
  return keys;
}

const DECODERS: Readonly<Record<Decoder, (sample: Sample) => Read>> = {
  up(sample) {
    const read = decodeUpFrame(sample.bytes, () => dictionaryOf(sample));
    return read.ok ? { value: [read.value, valuesOf(read.value.groups, "up")] } : read.error;
  },
  down(sample) {
    const read = decodeDownFrame(sample.bytes, dictionaryOf(sample));
    if (!read.ok) return read.error;
    return { value: [read.value, valuesOf(read.value.state?.groups ?? [], "down")] };
  },
  batches({ bytes }) {
    const read = decodeBatches(bytes);
    return read.ok ? read : read.error;
  },
  group({ bytes, kind, way, count }) {
    const values = readValues(kind, way, bytes, count);
    return values === null ? "broken" : { value: values };
  },
  image({ bytes, end }) {
    const value = decodeImage(bytes, (id) => kindOf(id)?.[end]);
    return value === null ? "broken" : { value };
  },
};

/** Reads the groups of a frame as a replica does that knows all kinds. */
function valuesOf(groups: readonly Group[], way: "up" | "down"): unknown[] {
  return groups.map(({ kind, keys, body }) => readValues(kind, way, body, keys.length));
}

function readValues(
  code: number,
  way: "up" | "down",
  bytes: Uint8Array,
  count: number,
): unknown[] | null {
  const reader = new ByteReader(bytes);
  const values = kindOf(code)?.[way].read(reader, count) ?? [];
  return reader.broken || reader.remaining > 0 ? null : values;
}
