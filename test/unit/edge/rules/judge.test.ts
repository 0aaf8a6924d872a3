// Which readings begin and end what a rule says? And whose readings are they?

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, type Stretch, type Turn } from "../../../../edge/rules/judge.ts";
import { RuleSet, type Rule } from "../../../../edge/rules/rule-set.ts";
import type { RuleSettings } from "../../../../state/rule.ts";
import { FUTURE_MS_MAX } from "../../../../sync/quarantine.ts";

const STAMP = 1_000_000;

function ruleOf(said: Partial<RuleSettings>): Rule {
  const settings = { device: "*", stream: "a", forMs: 0, severity: "info", ...said } as const;
  const [rule] = new RuleSet({ one: settings }).of("d1");
  assert.ok(rule !== undefined);
  return rule;
}

/** Judges readings from a time on, and tells the turns as "fired 10 since 5". */
function judged(
  rule: Rule,
  readings: readonly (readonly [number, number])[],
  before: Stretch | null = null,
  afterMs = 0,
): [string[], Stretch | null] {
  const turns: Turn[] = [];
  const watched = {
    times: readings.map(([time]) => time),
    rows: readings.map((_, row) => row),
    values: readings.map(([, value]) => value),
  };
  const stretch = judge(rule, before, watched, afterMs, STAMP, (turn) => turns.push(turn));
  return [turns.map(({ kind, atMs, sinceMs }) => `${kind} ${atMs} since ${sinceMs}`), stretch];
}

test("a threshold is passed by what is beyond it, and cleared at the clear value", () => {
  const above = ruleOf({ above: 10, clear: 8 });
  assert.deepEqual(
    judged(above, [
      [1, 10],
      [2, 10.5],
      [3, 9],
      [4, 8],
      [5, 9],
    ])[0],
    ["fired 2 since 2", "cleared 4 since 2"],
  );
  const below = ruleOf({ below: 0, clear: 2 });
  assert.deepEqual(
    judged(below, [
      [1, 0],
      [2, -1],
      [3, 1],
      [4, 2],
    ])[0],
    ["fired 2 since 2", "cleared 4 since 2"],
  );
  // Without a value to clear at it is the threshold itself.
  assert.deepEqual(
    judged(ruleOf({ above: 1 }), [
      [1, 2],
      [2, 1],
    ])[0],
    ["fired 1 since 1", "cleared 2 since 1"],
  );
});

test("for a while means from the first reading beyond it, without one that is not", () => {
  const rule = ruleOf({ above: 10, clear: 5, forMs: 10 });
  assert.deepEqual(
    judged(rule, [
      [1, 11],
      [5, 11],
    ]),
    [[], { sinceMs: 1, isFiring: false }],
  );
  assert.deepEqual(
    judged(rule, [
      [1, 11],
      [5, 9],
      [6, 11],
      [12, 11],
    ])[1],
    {
      sinceMs: 6,
      isFiring: false,
    },
  );
  assert.deepEqual(judged(rule, [[11, 11]], { sinceMs: 1, isFiring: false })[0], [
    "fired 11 since 1",
  ]);
});

test("what is not newer, or quarantined, does nothing", () => {
  const rule = ruleOf({ above: 10 });
  assert.deepEqual(judged(rule, [[5, 11]], null, 5), [[], null]);
  const firing = { sinceMs: 3, isFiring: true };
  assert.deepEqual(judged(rule, [[4, 0]], firing, 5), [[], firing]);
  assert.deepEqual(judged(rule, [[STAMP + FUTURE_MS_MAX + 1, 11]]), [[], null]);
});

test("rules are found by a device's name or how it begins, and a version names their text", () => {
  const one = { device: "pump-*", stream: "a", above: 1, forMs: 0, severity: "info" } as const;
  const rules = new RuleSet({ all: { ...one, device: "*" }, one, exact: { ...one, device: "x" } });
  const namesOf = (device: string) => rules.of(device).map(({ name }) => name);
  assert.deepEqual(namesOf("pump-1"), ["all", "one"]);
  assert.deepEqual(namesOf("x"), ["all", "exact"]);
  assert.deepEqual(namesOf("xx"), ["all"]);
  assert.equal(rules.find("one", "x"), null);
  assert.equal(rules.find("none", "x"), null);
  const other = new RuleSet({ one: { ...one, above: 2 } });
  assert.notEqual(rules.find("one", "pump-1")?.version, other.find("one", "pump-1")?.version);
  const same = new RuleSet({ one: { ...one } });
  assert.equal(rules.find("one", "pump-1")?.version, same.find("one", "pump-1")?.version);
});
