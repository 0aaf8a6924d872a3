// Goal: what one version has written, every later one reads, byte for byte, and what it refused is
// refused for the same reason. Method: golden vectors; new ones are added, old ones never changed.
// Bytes are in hexadecimal, maps as pairs, big integers as text.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { decodeImage, encodeImage } from "../../sync/replica/image.ts";
import { decodeBatches, encodeBatches } from "../../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { decodeDownFrame, encodeDownFrame } from "../../sync/wire/down-frame.ts";
import { decodeUpFrame, encodeUpFrame } from "../../sync/wire/up-frame.ts";
import type { Codec } from "../../sync/wire/values.ts";
import { ALL_KINDS } from "../../tools/frame/kinds.ts";
import { bytesOf, dictionaryOf, hexOf, text } from "../support/wire.ts";
import { exchangeOf, type ExchangeVector } from "../support/wire-hub.ts";

interface Vector {
  readonly name: string;
  readonly source: string;
  readonly input?: string;
  readonly value?: unknown;
  readonly note: string;
  /** True if this code reads it and writes it otherwise. */
  readonly isReadOnly?: boolean;
  /** Keys that the link's dictionary holds. */
  readonly dictionary?: readonly string[];
  /** Of a group: the kind, the way, and how many values there are. */
  readonly kind?: number;
  readonly way?: "up" | "down";
  readonly count?: number;
  /** Of an image: whose. */
  readonly end?: "edge" | "hub";
  /** Of refused bytes: by which decoder, and why. */
  readonly decoder?: string;
  readonly error?: string;
}

/** What a decoder made of bytes: a value, which can be written again, or why there is none. */
type Read = { readonly value: unknown; readonly written: Uint8Array } | { readonly error: string };

type Reader = (bytes: Uint8Array, vector: Vector) => Read;

const READERS: Readonly<Record<string, Reader>> = {
  up(bytes, { dictionary = [] }) {
    const read = decodeUpFrame(bytes, () => dictionaryOf(dictionary));
    if (!read.ok) return { error: read.error };
    const base = read.value.newKeys?.base ?? 0;
    const written = encodeUpFrame(read.value, dictionaryOf(dictionary), base);
    return { value: read.value, written };
  },
  down(bytes, { dictionary = [] }) {
    const read = decodeDownFrame(bytes, dictionaryOf(dictionary));
    if (!read.ok) return { error: read.error };
    const base = read.value.newKeys?.base ?? 0;
    const written = encodeDownFrame(read.value, dictionaryOf(dictionary), base);
    return { value: read.value, written };
  },
  batches(bytes) {
    const read = decodeBatches(bytes);
    if (!read.ok) return { error: read.error };
    return { value: read.value, written: encodeBatches(read.value) };
  },
  group(bytes, { kind, way = "up", count = 0 }) {
    const codec = codecOf(kind ?? 0, way);
    const reader = new ByteReader(bytes);
    const value = codec.read(reader, count);
    if (reader.broken || reader.remaining > 0) return { error: "broken" };
    const writer = new ByteWriter();
    codec.write(writer, value);
    return { value, written: writer.bytes() };
  },
  image(bytes, { end = "hub" }) {
    const find = (id: number): Codec<unknown> | undefined =>
      ALL_KINDS.find(({ code }) => code === id)?.[end];
    const value = decodeImage(bytes, find);
    return value ? { value, written: encodeImage(value, find) } : { error: "broken" };
  },
};

function codecOf(code: number, way: "up" | "down"): Codec<unknown> {
  const kind = ALL_KINDS.find((candidate) => candidate.code === code);
  assert.ok(kind !== undefined);
  return kind[way];
}

interface Pin {
  readonly decoder?: string;
  /** True if this code reads them and writes them otherwise. */
  readonly areReadOnly?: boolean;
  /** How many vectors there were when one was last added; it only grows. */
  readonly countMin: number;
  /** The checksum of the first `countMin` vectors, so that none of them is changed by mistake. */
  readonly checksum: number;
}

const PINS: Readonly<Record<string, Pin>> = {
  batches: { decoder: "batches", countMin: 11, checksum: 2_327_389_868 },
  "up-frames": { decoder: "up", countMin: 14, checksum: 1_230_566_647 },
  "down-frames": { decoder: "down", countMin: 12, checksum: 4_081_198_786 },
  groups: { decoder: "group", countMin: 28, checksum: 692850061 },
  images: { decoder: "image", areReadOnly: true, countMin: 30, checksum: 261_962_955 },
  "images-2": { decoder: "image", countMin: 32, checksum: 2_917_408_602 },
  refused: { countMin: 190, checksum: 1_546_682_886 },
  exchanges: { countMin: 19, checksum: 4_152_737_593 },
};

function vectorsOf<V>(file: string): readonly V[] {
  const json = readFileSync(path.join(import.meta.dirname, "wire", `${file}.json`), "utf8");
  return JSON.parse(json) as readonly V[];
}

for (const [file, { decoder, areReadOnly }] of Object.entries(PINS)) {
  if (decoder === undefined) continue;
  for (const vector of vectorsOf<Vector>(file)) {
    test(`wire/${file}.json: ${vector.name}`, () => {
      const bytes = bytesOf(vector.input ?? "");
      const read = READERS[decoder]?.(bytes, vector);
      assert.ok(read !== undefined && "value" in read, "it is refused");
      assert.deepEqual(text(read.value), vector.value);
      if (vector.isReadOnly !== true && areReadOnly !== true)
        assert.equal(hexOf(read.written), vector.input);
    });
  }
}

test("wire/refused.json: everything is refused, for the reason that is given", () => {
  const wrong = vectorsOf<Vector>("refused").flatMap((vector) => {
    const read = READERS[vector.decoder ?? ""]?.(bytesOf(vector.input ?? ""), vector);
    const error = read !== undefined && "error" in read ? read.error : "none";
    return error === vector.error ? [] : [`${vector.name}: ${error}, not ${vector.error}`];
  });
  assert.deepEqual(wrong, []);
});

for (const vector of vectorsOf<ExchangeVector>("exchanges"))
  test(`wire/exchanges.json: ${vector.name}`, () => {
    const { before, outcome, reply, after } = vector;
    assert.deepEqual(text(exchangeOf(vector)), { before, outcome, reply, after });
  });

for (const [file, { countMin, checksum }] of Object.entries(PINS))
  test(`wire/${file}.json holds its first ${countMin} vectors unchanged, and names each once`, () => {
    const vectors = vectorsOf<Vector>(file);
    // Notes may be put better; what is read and what comes of it may not change.
    const first = vectors
      .slice(0, countMin)
      .map((vector) =>
        file === "batches"
          ? [vector.name, vector.input, vector.value]
          : Object.entries(vector).filter(([name]) => name !== "note" && name !== "source"),
      );
    assert.equal(first.length, countMin);
    assert.equal(crc32c(new TextEncoder().encode(JSON.stringify(first))), checksum);
    assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
    assert.ok(vectors.every(({ source, note }) => source !== "" && note !== ""));
  });
