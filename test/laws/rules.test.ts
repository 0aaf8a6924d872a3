// Goal: whatever the order and batching of readings, and whatever fails on the way, the alerts of a
// region are those that the rule says by event time; none is lost, none comes twice. Method: the real
// hub's use case, store and rules in Node, with restarts, disks that fail and calls that are lost; beside
// them an oracle that looks at runs of readings, and has no state machine.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ingest } from "../../edge/ingest.ts";
import { HubRules, type AlertedCell } from "../../edge/objects/hub-rules.ts";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import { ALERTS_REMEMBERED } from "../../state/alert.ts";
import { AlertBook } from "../../state/alert-book.ts";
import type { RuleSettings } from "../../state/rule.ts";
import { commandOf, DEVICE } from "../support/commands.ts";
import { openNodeSql } from "../support/node-sql.ts";
import { openRegionHub } from "../support/region-replicas.ts";

/** By event time; the clock of all that happens is far behind none of it. */
const NOW = 2_000_000_000_000;
const T = NOW - 1_000_000;

type Reading = readonly [timeMs: number, value: number];

/** One stretch in which the rule held for long enough: when it began, and when it was over. */
interface Said {
  readonly sinceMs: number;
  readonly firedMs: number;
  readonly endMs: number | null;
}

const settings: fc.Arbitrary<RuleSettings> = fc
  .record({
    isAbove: fc.boolean(),
    threshold: fc.integer({ min: -2, max: 2 }),
    slack: fc.integer({ min: 0, max: 2 }),
    forMs: fc.constantFrom(0, 0, 1, 5, 20),
  })
  .map(({ isAbove, threshold, slack, forMs }) => ({
    device: "boat-*",
    stream: "a",
    ...(isAbove ? { above: threshold } : { below: threshold }),
    clear: isAbove ? threshold - slack : threshold + slack,
    forMs,
    severity: "warning",
  }));

const batch: fc.Arbitrary<Reading[]> = fc.uniqueArray(
  fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: -5, max: 5 })),
  { minLength: 1, maxLength: 12, selector: ([time]) => time },
);

/** What befalls the hub around a batch. */
const befalls = fc.constantFrom(
  "nothing",
  "nothing",
  "restart",
  "killed-before-write",
  "cell-away",
  "answer-lost",
  "shared-commit",
);

const steps = fc.array(fc.record({ batch, befalls }), { minLength: 1, maxLength: 24 });

/** What a rule says of readings in the order of their times, by runs. */
function oracle(rule: RuleSettings, readings: readonly Reading[]): Said[] {
  const { above, below, clear = 0, forMs } = rule;
  const isBeyond = ([, value]: Reading): boolean =>
    above === undefined ? value < (below ?? 0) : value > above;
  const isClear = ([, value]: Reading): boolean =>
    above === undefined ? value >= clear : value <= clear;
  const said: Said[] = [];
  let from = 0;
  while (from < readings.length) {
    const start = readings.findIndex((reading, at) => at >= from && isBeyond(reading));
    if (start < 0) break;
    const after = readings.findIndex((reading, at) => at > start && !isBeyond(reading));
    const run = readings.slice(start, after < 0 ? readings.length : after);
    const [sinceMs] = run[0] as Reading;
    const fired = run.findIndex(([timeMs]) => timeMs - sinceMs >= forMs);
    if (fired < 0) {
      from = start + run.length;
      continue;
    }
    const [firedMs] = run[fired] as Reading;
    const end = readings.findIndex((reading, at) => at > start + fired && isClear(reading));
    said.push({ sinceMs, firedMs, endMs: end < 0 ? null : (readings[end]?.[0] ?? null) });
    from = end < 0 ? readings.length : end + 1;
  }
  return said;
}

/** A hub and its region's cell. */
class Region {
  readonly #sql = openNodeSql();
  readonly #replica = openRegionHub();
  readonly book = new AlertBook(this.#replica);
  readonly #rule: RuleSettings;
  store = new SqlHubStore(this.#sql, 7);
  rules = this.#open();
  fault: "none" | "away" | "answer-lost" = "none";

  constructor(rule: RuleSettings) {
    this.#rule = rule;
  }

  #open(): HubRules {
    const cell: AlertedCell = {
      rulesUnless: async () => JSON.stringify({ hot: this.#rule }),
      elsewhereUnless: async () => JSON.stringify(this.book.elsewhere("hel")),
      raiseAlerts: async (alerts) => {
        if (this.fault === "away") throw new Error("away");
        // What crosses is a copy.
        const refused = this.book.raise(structuredClone(alerts), NOW);
        if (this.fault === "answer-lost") throw new Error("lost");
        return refused;
      },
    };
    return new HubRules("hel/00-ff", this.store, this.#sql, () => cell);
  }

  async begin(): Promise<this> {
    await this.rules.look(true);
    return this;
  }

  stage(readings: readonly Reading[]): void {
    const sorted = readings.toSorted(([a], [b]) => a - b);
    const body = {
      t: sorted.map(([time]) => T + time),
      series: { a: sorted.map(([, value]) => value) },
    };
    const { watch } = this.rules;
    const outcome = ingest(commandOf(body), this.store, NOW, undefined, undefined, watch);
    assert.equal(outcome.kind, "committed");
  }

  /** As a kill does: what is not written is gone. */
  restart(): void {
    this.store = new SqlHubStore(this.#sql, 7);
    this.rules = this.#open();
  }

  close(): void {
    this.#sql.close();
  }
}

const listed = (book: AlertBook): Said[] =>
  book
    .list({ device: DEVICE, rule: null, state: null, most: 100, cursor: null })
    .alerts.map(({ sinceMs, state, note }) => {
      assert.equal(state === "resolved", note.end !== undefined);
      return {
        sinceMs: sinceMs - T,
        firedMs: note.atMs - T,
        endMs: note.end?.atMs == null ? null : note.end.atMs - T,
      };
    });

test("law: alerts are what the rule says of the readings that did not come late, whatever fails", async () => {
  let fired = 0;
  await fc.assert(
    fc.asyncProperty(settings, steps, async (rule, all) => {
      const region = await new Region(rule).begin();
      const inTime: Reading[] = [];
      const unanswered: Reading[][] = [];
      let newest = -1;
      const take = (readings: readonly Reading[]): void => {
        const above = readings.filter(([time]) => time > newest).toSorted(([a], [b]) => a - b);
        inTime.push(...above);
        newest = above.at(-1)?.[0] ?? newest;
      };
      for (const { batch: readings, befalls: what } of all) {
        region.stage(readings);
        unanswered.push(readings);
        if (what === "killed-before-write") {
          region.restart();
          // Nobody was told that they are held: the device sends them again.
          for (const again of unanswered) region.stage(again);
        }
        take(readings);
        if (what === "shared-commit") continue;
        region.store.write();
        unanswered.length = 0;
        if (what === "cell-away") region.fault = "away";
        if (what === "answer-lost") region.fault = "answer-lost";
        await region.rules.tell();
        region.fault = "none";
        if (what === "restart") region.restart();
      }
      region.store.write();
      assert.equal(await region.rules.tell(), true);
      const said = oracle(rule, inTime);
      fired += said.length;
      assert.deepEqual(listed(region.book), said.slice(-ALERTS_REMEMBERED).toReversed());
      region.restart();
      assert.equal(region.store.alerts.waiting, 0);
      const isOpen = said.length > 0 && said.at(-1)?.endMs === null;
      const open = region.store.alerts.episodesOf(DEVICE)?.get("hot");
      assert.equal(open !== undefined && open.reason !== null, isOpen);
      region.close();
    }),
    { numRuns: 300 },
  );
  assert.ok(fired > 300, `only ${fired} alerts`);
});

test("law: the same readings in one batch or in many come to the same alerts", async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      batch,
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 12, maxLength: 12 }),
      async (rule, readings, cuts) => {
        const sorted = readings.toSorted(([a], [b]) => a - b);
        const [whole, cut] = [await new Region(rule).begin(), await new Region(rule).begin()];
        whole.stage(sorted);
        for (let at = 0, turn = 0; at < sorted.length; turn += 1) {
          const to = at + (cuts[turn] ?? 1);
          cut.stage(sorted.slice(at, to));
          at = to;
        }
        for (const region of [whole, cut]) {
          region.store.write();
          assert.equal(await region.rules.tell(), true);
        }
        assert.deepEqual(listed(whole.book), listed(cut.book));
        assert.deepEqual(listed(whole.book), oracle(rule, sorted).toReversed());
        for (const region of [whole, cut]) region.close();
      },
    ),
    { numRuns: 100 },
  );
});

test("a reading that comes late neither fires nor clears", async () => {
  const rule: RuleSettings = {
    device: "*",
    stream: "a",
    above: 3,
    forMs: 0,
    severity: "info",
  };
  const region = await new Region(rule).begin();
  for (const readings of [[[10, 1]], [[5, 9]], [[20, 9]], [[15, 0]]] as Reading[][]) {
    region.stage(readings);
    region.store.write();
  }
  await region.rules.tell();
  assert.deepEqual(listed(region.book), [{ sinceMs: 20, firedMs: 20, endMs: null }]);
  region.close();
});
