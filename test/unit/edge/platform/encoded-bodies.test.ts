// Is a body coded once for each coding, and what is kept of it bounded?

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { EncodedBodies } from "../../../../edge/platform/encoded-bodies.ts";

const text = new TextEncoder().encode("a page that repeats itself, ".repeat(1_000));

test("encode() codes whole bodies so that they can be decoded, once for each coding", () => {
  const bodies = new EncodedBodies(1_000_000);
  for (const [coding, decode] of [
    ["br", brotliDecompressSync],
    ["zstd", zstdDecompressSync],
    ["gzip", gunzipSync],
  ] as const) {
    const coded = bodies.encode(text, coding);
    assert.ok(coded instanceof Uint8Array && coded.length < text.length / 10);
    assert.deepEqual(new Uint8Array(decode(coded)), text);
    assert.equal(bodies.encode(text, coding), coded, "the same bytes again");
  }
});

test("encode() leaves what is not whole, or does not get smaller, as it is", () => {
  const bodies = new EncodedBodies(1_000_000);
  assert.equal(bodies.encode(new ReadableStream<Uint8Array>(), "gzip"), null);
  const noise = crypto.getRandomValues(new Uint8Array(4_096));
  for (const coding of ["br", "zstd", "gzip"] as const)
    assert.equal(bodies.encode(noise, coding), null);
});

test("encode() keeps no more bytes than it may, and forgets what was used longest ago", () => {
  const made = Array.from({ length: 3 }, (_, i) => new TextEncoder().encode(`${i}`.repeat(50_000)));
  const [first, second, third] = made;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const size = (new EncodedBodies(1_000_000).encode(first, "gzip") as Uint8Array).length;
  const bodies = new EncodedBodies((size + 256) * 2 + 8);
  const kept = bodies.encode(first, "gzip");
  const other = bodies.encode(second, "gzip");
  assert.equal(bodies.encode(first, "gzip"), kept);
  bodies.encode(third, "gzip");
  assert.equal(bodies.encode(first, "gzip"), kept, "it was used since");
  assert.notEqual(bodies.encode(second, "gzip"), other, "it was not, and is made anew");
});

test("P8 bodies that do not get smaller take room too", () => {
  const bodies = new EncodedBodies(1_000);
  const noise = Array.from({ length: 5 }, () => crypto.getRandomValues(new Uint8Array(256)));
  for (const one of noise) bodies.encode(one, "gzip");
  // What is remembered is three of them and their forms: the first is forgotten.
  assert.equal(bodies.remembered, 3);
});
