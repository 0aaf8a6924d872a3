// Does the replication core keep its promises, and do the checkers that say so bite? Seeds that once
// failed, fixed ones and fresh ones; then each planted fault with the seed that shows it. And do the
// document, the checkers and the plants speak of the same promises?

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { applyPlant } from "../../tools/launcher/build.ts";
import { readFile } from "../support/repository.ts";
import { bundleSimulator, loadSimulator, SMALL_LIMITS } from "./bundle.ts";
import { PLANTS, readSeeds } from "./plants.ts";
import type { Failure } from "./run-seed.ts";

const FIXED_SEEDS = 200;
const FRESH_SEEDS = 200;
/** Above the seeds that anybody has looked at. */
const FRESH_FROM = 10_000_000;

const { runSeed } = await loadSimulator(await bundleSimulator());
const { kept, plants } = readSeeds();

function failuresOf(seeds: Iterable<number>): string[] {
  const failures = [...seeds].map((seed) => runSeed(seed).failure);
  return failures.filter((failure) => failure !== null).map(describe);
}

function describe({ seed, id, message }: Failure): string {
  return `npm run sim -- --seed ${seed}: ${id}: ${message}`;
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

for (const { seed, found } of kept)
  test(`seed ${seed} keeps every promise; once it found that ${found}`, () => {
    assert.deepEqual(failuresOf([seed]), []);
  });

test(`${FIXED_SEEDS} fixed seeds keep every promise`, () => {
  assert.deepEqual(failuresOf(range(1, FIXED_SEEDS)), []);
});

test(`${FRESH_SEEDS} seeds that nobody has seen keep every promise`, () => {
  const from = randomInt(FRESH_FROM, 2 ** 31);
  assert.deepEqual(failuresOf(range(from, FRESH_SEEDS)), []);
});

test("a seed comes to the same, event by event and byte by byte, each time", () => {
  const hashesOf = (): string[] => range(1, 30).map((seed) => runSeed(seed).hash);
  const hashes = hashesOf();
  assert.deepEqual(hashesOf(), hashes);
  assert.equal(new Set(hashes).size, hashes.length);
});

for (const [name, plant] of Object.entries(PLANTS))
  test(`the plant "${name}" breaks ${plant.invariant}: ${plant.breaks}`, async () => {
    const seed = plants[name];
    assert.ok(seed !== undefined, "npm run sim -- --plants finds a seed for seeds.json");
    const planted = await loadSimulator(await bundleSimulator([plant]));
    assert.equal(planted.runSeed(seed).failure?.id, plant.invariant);
  });

const document = readFile("docs/invariants.md");
const rows = document.split("\n").filter((line) => line.startsWith("| `sync."));
const documented = rows.map((row) => row.split("`")[1] ?? "");

function idsInSources(): string[] {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts") && !/(test|plants)\.ts$/.test(file));
  const texts = sources.map((file) => readFileSync(path.join(import.meta.dirname, file), "utf8"));
  return [...new Set(texts.flatMap((text) => text.match(/"sync\.[a-z-]+"/g) ?? []))]
    .map((id) => id.slice(1, -1))
    .filter((id) => id !== "sync.no-exception")
    .toSorted();
}

test("every promise that a checker speaks of is documented, and the other way round", () => {
  assert.deepEqual(documented.toSorted(), idsInSources());
});

test("every promise has a plant that is named beside it, and a seed that shows it", () => {
  const planted = Object.values(PLANTS).map(({ invariant }) => invariant);
  assert.deepEqual([...new Set(planted)].toSorted(), documented.toSorted());
  for (const [name, { invariant }] of Object.entries(PLANTS)) {
    const row = rows.find((line) => line.includes(`\`${invariant}\``));
    assert.ok(row?.includes(`\`${name}\``), name);
  }
  assert.deepEqual(Object.keys(readSeeds().plants).toSorted(), Object.keys(PLANTS).toSorted());
});

for (const plant of [...SMALL_LIMITS, ...Object.values(PLANTS)])
  test(`the plant "${plant.find.slice(0, 60)}" changes ${plant.file}`, () => {
    const source = readFile(plant.file);
    assert.notEqual(applyPlant(source, plant), source);
  });
