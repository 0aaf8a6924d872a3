// Where do episodes and alerts go, and what when there is no room? On SQLite in memory.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { limits } from "../../../../edge/limits.ts";
import { ALERT_TABLES, SqlAlerts } from "../../../../edge/platform/sql-alerts.ts";
import { ALERTS_REMEMBERED, type AlertReason, type RaisedAlert } from "../../../../state/alert.ts";
import { openNodeSql } from "../../../support/node-sql.ts";

const reason: AlertReason = {
  ruleVersion: "1",
  stream: "a",
  side: "above",
  threshold: 1,
  clear: 1,
  forMs: 0,
  severity: "info",
  text: null,
  atMs: 1,
  value: 2,
  region: "hel",
};

const raised = (sinceMs: number, isOver = false, device = "d1"): RaisedAlert => ({
  device,
  rule: "hot",
  sinceMs,
  reason,
  end: isOver ? { reason: "cleared", atMs: sinceMs, value: 0, region: "hel" } : null,
});

function open(t: TestContext) {
  const sql = openNodeSql();
  t.after(() => sql.close());
  for (const statement of ALERT_TABLES.split(";")) sql.exec(statement);
  return { sql, alerts: new SqlAlerts(sql) };
}

const sinces = (alerts: SqlAlerts): number[] => alerts.unsent(1_000).map(({ sinceMs }) => sinceMs);

test("only what is written is sent, fires, and is there after a restart", (t) => {
  const { sql, alerts } = open(t);
  alerts.put("d1", "hot", { sinceMs: 5, version: "1", reason });
  alerts.raise(raised(5));
  assert.deepEqual([sinces(alerts), alerts.firing(), alerts.waiting], [[], [], 1]);
  assert.equal(new SqlAlerts(sql).waiting, 0);
  alerts.write();
  assert.deepEqual(alerts.firing(), [raised(5)]);
  for (const one of [alerts, new SqlAlerts(sql)]) {
    assert.deepEqual(one.unsent(9), [raised(5)]);
    assert.equal(one.episodesOf("d1")?.get("hot")?.sinceMs, 5);
  }
  alerts.put("d1", "hot", null);
  alerts.write();
  assert.equal(new SqlAlerts(sql).episodesOf("d1"), undefined);
});

test("an alert that changed while it was sent is sent again", (t) => {
  const { sql, alerts } = open(t);
  alerts.raise(raised(5));
  alerts.write();
  const sent = alerts.unsent(9);
  alerts.raise(raised(5, true));
  alerts.sent(sent);
  assert.deepEqual([alerts.waiting, sinces(alerts)], [1, []]);
  alerts.write();
  assert.deepEqual(alerts.unsent(9), [raised(5, true)]);
  alerts.sent(alerts.unsent(9));
  assert.deepEqual([alerts.waiting, new SqlAlerts(sql).waiting], [0, 0]);
});

test("of a rule and a device the first that waits and the last few are kept", (t) => {
  const { sql, alerts } = open(t);
  for (let since = 1; since <= 30; since += 1) {
    alerts.raise(raised(since, true));
    if (since % 4 === 0) alerts.write();
  }
  alerts.write();
  const last = Array.from({ length: ALERTS_REMEMBERED }, (_, i) => 31 - ALERTS_REMEMBERED + i);
  for (const one of [alerts, new SqlAlerts(sql)]) assert.deepEqual(sinces(one), [1, ...last]);
  assert.equal(alerts.refused, 0);
});

test("P8 past the bounds one more is refused, and counted; what is there may change", (t) => {
  const { alerts } = open(t);
  for (let i = 0; i < limits.episodesMax; i += 1)
    alerts.put(`d${i}`, "hot", { sinceMs: 1, version: "1", reason: null });
  alerts.put("one-more", "hot", { sinceMs: 1, version: "1", reason: null });
  assert.equal(alerts.episodesOf("one-more"), undefined);
  alerts.put("d0", "hot", { sinceMs: 2, version: "1", reason: null });
  assert.equal(alerts.episodesOf("d0")?.get("hot")?.sinceMs, 2);
  for (let i = 0; i < limits.alertsWaitingMax; i += 1) alerts.raise(raised(1, false, `d${i}`));
  alerts.raise(raised(1, false, "one-more"));
  alerts.raise(raised(1, true, "d0"));
  assert.deepEqual([alerts.waiting, alerts.refused], [limits.alertsWaitingMax, 2]);
});
