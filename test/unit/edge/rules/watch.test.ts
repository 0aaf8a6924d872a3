// Which readings of a batch are watched, and what begins where there is no room for its end? The hub's use
// case, store and rules, on SQLite in memory.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ingest } from "../../../../edge/ingest.ts";
import { limits } from "../../../../edge/limits.ts";
import { SqlHubStore } from "../../../../edge/platform/sql-hub-store.ts";
import { RuleWatch } from "../../../../edge/rules/watch.ts";
import type { Sql } from "../../../../storage/sql.ts";
import { FUTURE_MS_MAX } from "../../../../sync/quarantine.ts";
import { commandOf } from "../../../support/commands.ts";
import { openNodeSql } from "../../../support/node-sql.ts";

const NOW = 2_000_000_000_000;
const AHEAD = NOW + FUTURE_MS_MAX + 10_000;

function open(t: TestContext) {
  const sql = openNodeSql();
  t.after(() => sql.close());
  const disk = { isFull: false };
  const exec: Sql["exec"] = (statement, ...bindings) => {
    if (disk.isFull && statement.startsWith("insert")) throw new Error("disk is full");
    return sql.exec(statement, ...bindings);
  };
  const store = new SqlHubStore({ ...sql, exec }, 7);
  const watch = new RuleWatch(() => store.alerts, "hel");
  watch.follow({ hot: { device: "*", stream: "a", above: 3, forMs: 0, severity: "info" } });
  const take = (body: unknown): void => {
    const command = commandOf(body);
    assert.equal(ingest(command, store, NOW, undefined, undefined, watch).kind, "committed");
    store.write();
  };
  const told = (): string[] =>
    store.alerts
      .unsent(100_000)
      .map(({ device, sinceMs, end }) => `${device} ${sinceMs} ${end === null ? "fires" : "over"}`);
  return { store, watch, disk, take, told };
}

/** Fills the hub's list of episodes, as so many devices do that a rule holds for. */
function fillEpisodes(store: SqlHubStore, count: number): void {
  for (let at = 0; at < count; at += 1)
    store.alerts.put(`d${at}`, "hot", { sinceMs: 1, version: "1", reason: null });
}

test("a reading without a time is watched beside one that is quarantined", (t) => {
  const { take, told } = open(t);
  const readings = [
    { stream: "a", value: 1, time: AHEAD },
    { stream: "a", value: 9 },
  ];
  take({ boot: "b", seq: 1, readings });
  assert.deepEqual(told(), [`boat-1 ${NOW} fires`]);
});

test("P8: without room for an episode no alert is raised that nothing would end", (t) => {
  const { store, take, told } = open(t);
  fillEpisodes(store, limits.episodesMax);
  for (const at of [1, 2, 3]) take({ t: [NOW + at], series: { a: [9] } });
  assert.deepEqual(told(), []);
  assert.equal(store.alerts.refused, 3);
  // What begins and ends in one batch needs none.
  take({ t: [NOW + 4, NOW + 5], series: { a: [9, 0] } });
  assert.deepEqual(told(), [`boat-1 ${NOW + 4} over`]);
});

test("P8: with as many alerts waiting as may, what fires is ended and nothing more begins", (t) => {
  const { store, take, told } = open(t);
  take({ t: [NOW], series: { a: [9] } });
  const [taken] = store.alerts.unsent(1);
  assert.ok(taken !== undefined);
  store.alerts.sent([taken]);
  for (let at = 0; at < limits.alertsWaitingMax; at += 1)
    store.alerts.raise({ ...taken, device: `d${at}` });
  take({ t: [NOW + 1], series: { a: [0] } });
  assert.ok(told().includes(`boat-1 ${NOW} over`), "the cell is told that it is over");
  take({ t: [NOW + 2], series: { a: [9] } });
  assert.equal(store.alerts.refused, 1);
  assert.equal(store.alerts.episodesOf("boat-1"), undefined);
});

test("P1: what ends an alert of another region ends it though the disk refused it first", (t) => {
  const { watch, store, disk, take, told } = open(t);
  take({ t: [NOW - 5], series: { a: [9] } });
  const [raised] = store.alerts.unsent(1);
  assert.ok(raised !== undefined);
  store.alerts.sent([raised]);
  store.alerts.put("boat-1", "hot", null);
  watch.hear({ open: [raised], over: [] });
  const end = { t: [NOW], series: { a: [0] } };
  disk.isFull = true;
  assert.throws(() => take(end), /disk is full/);
  disk.isFull = false;
  take(end);
  assert.deepEqual(told(), [`boat-1 ${NOW - 5} over`]);
});
