// Goal: two implementations find the same difference, from the same bytes. Method: golden vectors, each
// what a hub and an edge hold, and what they say of it; new ones are added, old ones never changed.
// Bytes are in hexadecimal.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { collection } from "../../sync/replica/kind.ts";
import {
  askedAs,
  askGroup,
  readAsk,
  readSketch,
  readWants,
  sketchGroup,
  wantsGroup,
} from "../../sync/sketch/groups.ts";
import { Items } from "../../sync/sketch/items.ts";
import type { Words } from "../../sync/sketch/sip-hash.ts";
import { Symbols } from "../../sync/sketch/symbols.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { ALL_KINDS } from "../../tools/frame/kinds.ts";
import { bytesOf, hexOf } from "../support/wire.ts";

interface HeldEntry {
  readonly collection: number;
  readonly kind: number;
  readonly key: string;
  readonly value: unknown;
  readonly item: Words;
}

interface SketchVector {
  readonly name: string;
  readonly source: string;
  readonly note: string;
  readonly key: Words;
  readonly hub: readonly HeldEntry[];
  readonly edge: readonly HeldEntry[];
  /** Symbols that are given. */
  readonly count: number;
  readonly ask: string;
  readonly sketch: string;
  readonly difference: {
    readonly missing: readonly Words[];
    readonly own: readonly Words[];
  } | null;
  readonly wants: string | null;
}

const COUNT_MIN = 3;
const CHECKSUM = 3_572_962_946;

const file = path.join(import.meta.dirname, "wire/sketches.json");
const vectors = JSON.parse(readFileSync(file, "utf8")) as readonly SketchVector[];

function symbolsOf(key: Words, held: readonly HeldEntry[], count?: number): Symbols {
  const symbols = new Symbols(count);
  const items = new Items(key);
  for (const { collection: id, kind: code, key: name, value, item } of held) {
    const kind = ALL_KINDS.find((one) => one.code === code);
    assert.ok(kind !== undefined);
    const said = { collection: collection(id, "both", kind), key: name, value };
    const [low = 0, high = 0] = items.of(said);
    assert.deepEqual([low, high], item);
    symbols.add(low, high);
  }
  return symbols;
}

for (const { name, key, hub, edge, count, ask, sketch, difference, wants } of vectors)
  test(`wire/sketches.json: ${name}`, () => {
    assert.equal(hexOf(askGroup(edge.length).body), ask);
    assert.equal(readAsk(bytesOf(ask)), edge.length);
    assert.equal(hexOf(sketchGroup({ key, symbols: symbolsOf(key, hub) }, count).body), sketch);
    const read = readSketch(bytesOf(sketch));
    assert.ok(read !== null);
    read.symbols.subtract(symbolsOf(key, edge, count));
    const found = read.symbols.peel();
    assert.deepEqual(
      found && { missing: found.onlyFirst, own: found.onlySecond },
      difference && { missing: [...difference.missing], own: [...difference.own] },
    );
    if (wants === null) return;
    const items = (difference?.missing ?? []).map(([low]) => askedAs(low));
    assert.equal(hexOf(wantsGroup({ sketch: key[0], items }).body), wants);
    assert.deepEqual(
      readWants(bytesOf(wants))?.items,
      items.toSorted((a, b) => a - b),
    );
  });

test(`wire/sketches.json holds its first ${COUNT_MIN} vectors unchanged, and names each once`, () => {
  const first = vectors
    .slice(0, COUNT_MIN)
    .map((vector) =>
      Object.entries(vector).filter(([field]) => !["note", "source"].includes(field)),
    );
  assert.equal(first.length, COUNT_MIN);
  assert.equal(crc32c(new TextEncoder().encode(JSON.stringify(first))), CHECKSUM);
  assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
  assert.ok(vectors.every(({ source, note }) => source !== "" && note !== ""));
});
