// The demo ends with equal totals, and each planted fault makes it fail: a check that cannot fail
// proves nothing.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { PLANTS } from "../../tools/plants.ts";

const REPOSITORY = path.join(import.meta.dirname, "../..");
const FILE_READINGS = 65_202;

interface Figures {
  readonly held: boolean;
  readonly posted: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly takenInUnheard: number;
  readonly lostOnTheWay: number;
  readonly countedByRegions: number;
  readonly inTwoRegions: number;
  readonly counted: number;
  readonly pagesStaleWhileCut: number;
  readonly tookMs: number;
  readonly failed: readonly string[];
}

const whole = demo();

test("the demo holds: the origin counts what the file has", async () => {
  const { code, figures } = await whole;
  assert.equal(code, 0);
  assert.equal(figures.held, true);
  assert.equal(figures.counted, FILE_READINGS);
  assert.ok(figures.pagesStaleWhileCut > 0);
  assert.ok(figures.tookMs < 60_000, `it took ${figures.tookMs} ms`);
});

test("the demo's figures add up, those of lost answers included", async () => {
  const { figures } = await whole;
  const { posted, accepted, duplicates, takenInUnheard, lostOnTheWay } = figures;
  assert.ok(takenInUnheard > 0);
  assert.equal(posted, accepted + duplicates + takenInUnheard + lostOnTheWay);
  assert.equal(figures.countedByRegions, accepted + takenInUnheard);
  assert.equal(figures.countedByRegions, FILE_READINGS + figures.inTwoRegions);
});

for (const plant of Object.keys(PLANTS)) {
  test(`the demo notices the planted fault "${plant}"`, async () => {
    const { code, figures } = await demo("--plant", plant);
    assert.equal(code, 1);
    assert.equal(figures.held, false);
    assert.notEqual(figures.counted, FILE_READINGS);
    assert.ok(figures.failed.some((what) => what.includes("totals equal")));
  });
}

async function demo(...options: string[]): Promise<{ code: number | null; figures: Figures }> {
  const child = spawn(process.execPath, ["tools/demo.ts", ...options], {
    cwd: REPOSITORY,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  assert.match(last, /^\{/, output.slice(-2000));
  return { code, figures: JSON.parse(last) as Figures };
}
