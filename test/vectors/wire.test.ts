// Goal: what one version has written, every later one reads, byte for byte. Method: golden vectors;
// new ones are added, old ones never changed. Bodies of entries are in hexadecimal.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { Result } from "../../sync/result.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { decodeBatches, encodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import {
  decodeDownFrame,
  decodeUpFrame,
  encodeDownFrame,
  encodeUpFrame,
  type DownFrame,
  type UpFrame,
} from "../../sync/wire/frame.ts";

interface Vector {
  readonly name: string;
  readonly source: string;
  /** Hexadecimal. */
  readonly input: string;
  readonly value: unknown;
  readonly note: string;
}

interface Codec {
  readonly decode: (bytes: Uint8Array) => Result<unknown, unknown>;
  readonly encode: (value: never) => Uint8Array;
  /** How many vectors there were when one was last added; it only grows. */
  readonly countMin: number;
  /** The checksum of the first `countMin` vectors, so that none of them is changed by mistake. */
  readonly checksum: number;
}

const CODECS: Record<string, Codec> = {
  batches: {
    decode: decodeBatches,
    encode: (value: readonly ReadingBatch[]) => encodeBatches(value),
    countMin: 11,
    checksum: 2_327_389_868,
  },
  "up-frames": {
    decode: decodeUpFrame,
    encode: (value: UpFrame) => encodeUpFrame(value),
    countMin: 4,
    checksum: 3_364_500_209,
  },
  "down-frames": {
    decode: decodeDownFrame,
    encode: (value: DownFrame) => encodeDownFrame(value),
    countMin: 4,
    checksum: 2_957_923_408,
  },
};

for (const [file, { decode, encode, countMin, checksum }] of Object.entries(CODECS)) {
  const text = readFileSync(path.join(import.meta.dirname, "wire", `${file}.json`), "utf8");
  const vectors = JSON.parse(text) as readonly Vector[];

  for (const { name, input, value } of vectors) {
    test(`wire/${file}.json: ${name}`, () => {
      const bytes = Uint8Array.from(Buffer.from(input, "hex"));
      const decoded = decode(bytes);
      assert.ok(decoded.ok);
      assert.deepEqual(JSON.parse(JSON.stringify(decoded.value, bytesAsHex)), value);
      assert.deepEqual(encode(decoded.value as never), bytes);
    });
  }

  test(`wire/${file}.json holds its first ${countMin} vectors unchanged, and names each once`, () => {
    const first = vectors.slice(0, countMin).map(({ name, input, value }) => [name, input, value]);
    assert.equal(first.length, countMin);
    assert.equal(crc32c(new TextEncoder().encode(JSON.stringify(first))), checksum);
    assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
    assert.ok(vectors.every(({ source, note }) => source !== "" && note !== ""));
  });
}

function bytesAsHex(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
