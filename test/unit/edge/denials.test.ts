// Does an isolate that is told only what changed know the same as one that is told all? Whatever it
// missed, and whenever there were too many.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  DenialLog,
  denialIn,
  learn,
  NO_DENIALS,
  type HeldDenials,
  type ToldDenials,
} from "../../../edge/denials.ts";

const BOUNDS = { toldMax: 20_000, changesMax: 64 };
const revoked = (generation: number) => ({ revokedGeneration: generation, isDisabled: false });
const kindOf = ({ kind }: ToldDenials): string => kind;

test("tell() says only what changed since, and nothing twice", () => {
  const log = new DenialLog(BOUNDS);
  for (let i = 0; i < 10; i += 1) log.set(`boat-${i}`, revoked(1));
  const known = log.changes;
  log.set("boat-3", revoked(1));
  assert.equal(log.changes, known, "the same again is no change");
  log.set("boat-3", revoked(2));
  log.set("boat-3", revoked(3));
  log.set("boat-4", revoked(0));
  assert.deepEqual(log.tell(known), {
    kind: "changed",
    denied: [
      ["boat-3", 3, false],
      ["boat-4", 0, false],
    ],
  });
  assert.deepEqual(log.tell(log.changes), { kind: "changed", denied: [] });
  assert.equal(log.size, 9);
  assert.equal(kindOf(log.tell(null)), "all");
  assert.equal(kindOf(log.tell(log.changes + 1)), "all", "a change of another life");
});

test("P8 whoever missed more than is remembered is told all", () => {
  const log = new DenialLog(BOUNDS);
  for (let i = 0; i < 1_000; i += 1) log.set(`boat-${i}`, revoked(1));
  assert.equal(kindOf(log.tell(1_000 - BOUNDS.changesMax)), "changed");
  assert.equal(kindOf(log.tell(0)), "all");
});

test("P8 past the bound the cell is to be asked; once below it, who was not told is told all", () => {
  const log = new DenialLog({ toldMax: 2, changesMax: 64 });
  log.set("a", revoked(1));
  log.set("b", revoked(1));
  const before = log.changes;
  log.set("c", revoked(1));
  const during = log.changes;
  assert.deepEqual([kindOf(log.tell(before)), kindOf(log.tell(during))], ["ask", "ask"]);
  log.set("c", revoked(0));
  assert.equal(kindOf(log.tell(during)), "all");
  assert.equal(kindOf(log.tell(before)), "all");
  assert.equal(kindOf(log.tell(log.changes)), "changed");
});

test("P8 20,000 denials: a change costs a change", () => {
  const log = new DenialLog({ toldMax: 65_536, changesMax: 4_096 });
  for (let i = 0; i < 20_000; i += 1) log.set(`boat-${i}`, revoked(1));
  let held = learn(NO_DENIALS, log.tell(null));
  let known = log.changes;
  const told: number[] = [];
  for (let i = 0; i < 1_000; i += 1) {
    log.set(`boat-${i * 7}`, revoked(2));
    const news = log.tell(known);
    assert.ok(news.kind === "changed");
    told.push(news.denied.length);
    held = learn(held, news);
    known = log.changes;
  }
  assert.deepEqual([...new Set(told)], [1]);
  assert.deepEqual(denialIn(held, "boat-6993"), revoked(2));
  assert.deepEqual(denialIn(held, "boat-1"), revoked(1));
  assert.equal(denialIn(held, "boat-20000"), null);
});

test("P8 learn() changes nothing of what was known: an answer that was overtaken does no harm", () => {
  const log = new DenialLog(BOUNDS);
  log.set("a", revoked(1));
  const first = learn(NO_DENIALS, log.tell(null));
  const at = log.changes;
  log.set("a", revoked(2));
  const late = log.tell(at);
  log.set("a", revoked(3));
  const newer = learn(first, log.tell(at));
  learn(first, late);
  assert.deepEqual(denialIn(newer, "a"), revoked(3));
  assert.deepEqual(denialIn(first, "a"), revoked(1));
});

test("whatever is missed, an isolate knows what the cell knows", () => {
  const step = fc.oneof(
    fc.record({ device: fc.nat(7).map(String), generation: fc.nat(2), isDisabled: fc.boolean() }),
    fc.constant("ask" as const),
  );
  const run = fc.property(
    fc.array(step, { maxLength: 120 }),
    fc.nat(7),
    fc.nat(8),
    (steps, toldMax, changesMax) => {
      const log = new DenialLog({ toldMax, changesMax: changesMax + 1 });
      let held: HeldDenials = NO_DENIALS;
      let known: number | null = null;
      for (const at of steps) {
        if (at !== "ask") {
          log.set(at.device, { revokedGeneration: at.generation, isDisabled: at.isDisabled });
          continue;
        }
        held = learn(held, log.tell(known));
        known = log.changes;
        assert.equal(held.mustAsk, log.size > toldMax);
        for (let i = 0; i <= 7 && !held.mustAsk; i += 1)
          assert.deepEqual(denialIn(held, String(i)) ?? revoked(0), log.find(String(i)));
      }
    },
  );
  fc.assert(run, { numRuns: 2_000 });
});
