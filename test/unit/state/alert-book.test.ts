// What becomes of alerts that regions and an origin hold? In process, over the replicas and the link
// that they run on.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ALERT_KEPT_MS,
  ALERTS_REMEMBERED,
  alertId,
  alertKey,
  parseAlertId,
  parseNote,
  refusalOfAlert,
  type AlertReason,
  type RaisedAlert,
} from "../../../state/alert.ts";
import { AlertBook, type AlertReplica } from "../../../state/alert-book.ts";
import { alerts } from "../../../state/region.ts";
import { ZERO_HLC } from "../../../sync/clock/hlc.ts";
import { openRegionHub, region } from "../../support/region-replicas.ts";

const NOW = Date.now();

const reason: AlertReason = {
  ruleVersion: "00000001",
  stream: "a",
  side: "above",
  threshold: 1,
  clear: 1,
  forMs: 0,
  severity: "warning",
  text: null,
  atMs: 5,
  value: 2,
  region: "hel",
};

const raised = (
  sinceMs: number,
  endMs: number | null = null,
  device = "d1",
  region = "hel",
): RaisedAlert => ({
  device,
  rule: "hot",
  sinceMs,
  reason: { ...reason, atMs: sinceMs, region },
  end: endMs === null ? null : { reason: "cleared", atMs: endMs, value: 0, region },
});

const ALL = { device: null, rule: null, state: null, most: 1_000, cursor: null };

function bookOf(replica: AlertReplica, keysMax?: number) {
  const book = new AlertBook(replica, keysMax);
  return {
    book,
    raise: (...all: RaisedAlert[]) => book.raise(all, NOW),
    ack: (sinceMs: number, by = "ann") => book.acknowledge(alertId(raised(sinceMs)), by, NOW).kind,
    states: () => book.list(ALL).alerts.map(({ sinceMs, state }) => `${sinceMs} ${state}`),
  };
}

test("an alert goes from firing to resolved, and raising it again changes nothing", () => {
  const { book, raise, ack, states } = bookOf(openRegionHub());
  assert.equal(raise(raised(10)), 0);
  assert.equal(ack(11), "unknown");
  assert.equal(book.acknowledge("nonsense", "ann", NOW).kind, "unknown");
  assert.equal(ack(10), "acknowledged");
  raise(raised(10));
  assert.deepEqual(states(), ["10 acknowledged"]);
  assert.equal(ack(10, "bob"), "acknowledged");
  raise(raised(10, 20));
  raise(raised(10), raised(10, 30));
  const [alert] = book.list(ALL).alerts;
  assert.equal(alert?.state, "resolved");
  assert.equal(alert.note.acknowledged?.by, "ann");
  assert.equal(alert.note.end?.atMs, 20);
  assert.equal(ack(10), "over");
});

test("two regions that hear the same raise one alert, and what either knows joins", async () => {
  const hub = openRegionHub();
  const [hel, tll] = [region("hel", hub), region("tll", hub)];
  const [a, b, o] = [bookOf(hel.replica), bookOf(tll.replica), bookOf(hub)];
  a.raise(raised(10));
  b.raise(raised(4, 5, "d1", "tll"), raised(10, null, "d1", "tll"));
  a.ack(10);
  b.raise(raised(10, 12, "d1", "tll"));
  for (const one of [hel, tll, hel]) await one.untilAtRest();
  for (const { states } of [a, b, o]) assert.deepEqual(states(), ["10 resolved", "4 resolved"]);
});

test("an acknowledgement of either end reaches the other, and does not silence what comes after", async () => {
  const hub = openRegionHub();
  const hel = region("hel", hub);
  const [a, o] = [bookOf(hel.replica), bookOf(hub)];
  a.raise(raised(10));
  await hel.untilAtRest();
  o.ack(10);
  a.raise(raised(10, 12), raised(14));
  await hel.untilAtRest();
  for (const { states } of [a, o]) assert.deepEqual(states(), ["14 firing", "10 resolved"]);
});

test("of a rule and a device the last few are remembered, those that are over go first", () => {
  const { raise, states } = bookOf(openRegionHub());
  raise(raised(1));
  for (let since = 2; since <= 20; since += 1) raise(raised(since, since));
  const last = Array.from({ length: ALERTS_REMEMBERED - 1 }, (_, i) => `${20 - i} resolved`);
  assert.deepEqual(states(), [...last, "1 firing"]);
});

test("past the bound a rule and a device keep the places that they have, and others get none", () => {
  const { raise, states } = bookOf(openRegionHub(), 2);
  assert.equal(raise(raised(1, 1), raised(2, 2), raised(3)), 0);
  assert.deepEqual(states(), ["3 firing", "2 resolved"]);
  assert.equal(raise(raised(1, null, "d2")), 1);
});

test("what is over for long is forgotten everywhere, and its place is free again", async () => {
  const hub = openRegionHub();
  const hel = region("hel", hub);
  const [a, o] = [bookOf(hel.replica), bookOf(hub)];
  a.raise(raised(1, 2), raised(3));
  await hel.untilAtRest();
  o.book.sweep(NOW + ALERT_KEPT_MS - 60_000);
  assert.equal(o.states().length, 2);
  o.book.sweep(NOW + ALERT_KEPT_MS + 60_000);
  assert.deepEqual(o.states(), ["3 firing"]);
  for (let turn = 0; turn < 3; turn += 1) await hel.untilAtRest();
  assert.deepEqual(a.states(), ["3 firing"]);
  assert.equal(hub.held(alerts).size, 1);
  assert.equal(hel.replica.held(alerts).size, 1);
  a.raise(raised(5));
  await hel.untilAtRest();
  assert.deepEqual(o.states(), ["5 firing", "3 firing"]);
  o.book.forget("d1", NOW);
  assert.deepEqual(o.states(), []);
});

test("with little room left the oldest that is over is forgotten first", () => {
  const hub = openRegionHub();
  const { raise, states } = bookOf(hub);
  for (let since = 1; since <= 6; since += 1) raise(raised(since, since));
  new AlertBook(hub, 4).sweep(NOW);
  assert.deepEqual(states(), ["6 resolved", "5 resolved", "4 resolved", "3 resolved"]);
  new AlertBook(hub, 5).sweep(NOW);
  assert.equal(states().length, 4);
});

test("lists are filtered, and come by page", () => {
  const { book, raise } = bookOf(openRegionHub());
  raise(raised(1, 2), raised(3), raised(4, null, "d2"));
  const listed = (query: Partial<typeof ALL> | object) =>
    book.list({ ...ALL, ...query }).alerts.map(({ device, sinceMs }) => `${device} ${sinceMs}`);
  assert.deepEqual(listed({}), ["d2 4", "d1 3", "d1 1"]);
  assert.deepEqual(listed({ device: "d1" }), ["d1 3", "d1 1"]);
  assert.deepEqual(listed({ state: "firing" }), ["d2 4", "d1 3"]);
  assert.deepEqual(listed({ rule: "cold" }), []);
  const first = book.list({ ...ALL, most: 2 });
  assert.equal(first.cursor, "hot~d1~3");
  assert.deepEqual(listed({ cursor: first.cursor }), ["d1 1"]);
});

test("a region may not write what is none of an alert", () => {
  const note = JSON.stringify(reason);
  const alert = { episode: 5, rank: "firing", stamp: ZERO_HLC, note } as const;
  const key = alertKey("d1", "hot", "hel", 0);
  assert.equal(refusalOfAlert(key, alert), null);
  assert.equal(refusalOfAlert(key, { ...alert, rank: "none", note: "" }), null);
  for (const wrong of ["d1/hot", "d1/hot/0", "d1/hot/hel/8", "d1/Hot/hel/0", "d 1/hot/hel/0"])
    assert.equal(refusalOfAlert(wrong, alert), "not-an-alert");
  assert.equal(refusalOfAlert(key, { ...alert, episode: 0 }), "not-a-time");
  const notes = [
    "",
    "null",
    "{}",
    JSON.stringify({ ...reason, value: "2" }),
    JSON.stringify({ ...reason, side: "beside" }),
    JSON.stringify({ ...reason, acknowledged: { by: 7, atMs: 1 } }),
    JSON.stringify({ ...reason, end: { reason: "bored", atMs: null, value: null, region: "hel" } }),
    JSON.stringify({ ...reason, text: "x".repeat(5_000) }),
  ];
  for (const wrong of notes) {
    assert.equal(parseNote(wrong), null);
    assert.equal(refusalOfAlert(key, { ...alert, note: wrong }), "not-a-reason");
  }
  for (const wrong of ["", "hot~d1", "hot~d1~x", "Hot~d1~1", "hot~d 1~1"])
    assert.equal(parseAlertId(wrong), null);
});
