// Does a hub's database of an older release become one of today's, with nothing lost? The file is
// what that release wrote, beside what it said of it: 60 batches of three devices, a conflict, a
// late reading, one without a time and one of the future; the origin held the first 40.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ingest } from "../../../../edge/ingest.ts";
import { SqlHubStore } from "../../../../edge/platform/sql-hub-store.ts";
import type { DeviceState } from "../../../../edge/telemetry/device-state.ts";
import { foldHeldMinute } from "../../../../edge/telemetry/held-minute.ts";
import { deviceId } from "../../../support/arbitraries.ts";
import { commandOf } from "../../../support/commands.ts";
import { openNodeSql, type NodeSql } from "../../../support/node-sql.ts";
import { readFile, ROOT } from "../../../support/repository.ts";

interface Said {
  readonly extent: unknown;
  readonly lastStampMs: number;
  readonly link: unknown;
  readonly devices: readonly (readonly [string, DeviceState])[];
  readonly entries: readonly (readonly [number, number, string])[];
  readonly minute: unknown;
}

const START = Date.UTC(2026, 0, 15);
const said = JSON.parse(readFile("test/vectors/storage/hub-2.json")) as Said;

function oldHub(): NodeSql {
  const sql = openNodeSql();
  sql.restore(gunzipSync(readFileSync(path.join(ROOT, "test/vectors/storage/hub-2.sqlite.gz"))));
  return sql;
}

function look(store: SqlHubStore): unknown {
  return {
    extent: store.extent(),
    lastStampMs: store.lastStampMs(),
    link: store.loadLink(),
    devices: store.deviceIds().map((id) => [id, store.loadDevice(id)]),
    entries: store
      .entriesAfter(0, Infinity, 1_000)
      .map(({ seq, stampMs, body }) => [seq, stampMs, Buffer.from(body).toString("base64")]),
    minute: foldHeldMinute(deviceId("boat-1"), START, store),
    minutesTwice: [...store.folded(deviceId("boat-1"), "minute", [0, 2 * START])].length,
  };
}

/** How far a lookup had to reach is known of each batch now. */
function withoutSpan(state: DeviceState): DeviceState {
  const kept = Object.entries(state).filter(([name]) => name !== "longestSpanMs");
  return Object.fromEntries(kept) as unknown as DeviceState;
}

const expected = {
  extent: said.extent,
  lastStampMs: said.lastStampMs,
  link: said.link,
  devices: said.devices.map(([id, state]) => [id, withoutSpan(state)]),
  entries: said.entries,
  minute: said.minute,
  minutesTwice: 0,
};

test("P1 a hub takes over the database of an older release: entries, states, link and minutes", () => {
  const sql = oldHub();
  assert.deepEqual(look(new SqlHubStore(sql, 1)), expected);
  assert.deepEqual(look(new SqlHubStore(sql, 2)), expected, "and once only");
  assert.deepEqual(
    sql.exec("select name from sqlite_master where name glob '*_2'"),
    [],
    "what was taken over is gone",
  );
});

test("a hub's row of an older release is believed once, and has a checksum from then on", () => {
  const sql = oldHub();
  const told: string[] = [];
  const open = (): SqlHubStore => new SqlHubStore(sql, 1, { onDamage: (what) => told.push(what) });
  const account = open().account();
  assert.deepEqual([open().account(), told], [account, []]);
  sql.exec("update hub set accepted = accepted + 256");
  assert.deepEqual([open().account(), told], [account, ["the hub's row"]]);
});

test("P2 a hub that took over a database knows its batches and readings", () => {
  const store = new SqlHubStore(oldHub(), 1);
  // The last batch of boat-3, as it was.
  const sentMs = START + 59 * 60_000;
  const t = Array.from({ length: 6 }, (_, n) => sentMs - 60_000 + n * 10_000);
  const series = {
    depth_m: t.map((_, n) => 10 + (59 + n) / 10),
    engine: t.map((_, n) => n % 2 === 0),
  };
  const post = (body: object): unknown[] => {
    const outcome = ingest(commandOf(body, { device: deviceId("boat-3") }), store, START + 4e6);
    assert.equal(outcome.kind, "committed");
    return outcome.kind === "committed"
      ? [outcome.accepted, outcome.duplicates, outcome.conflicts, outcome.ackSeq]
      : [];
  };
  const named = { boot: "b1", seq: 20, sent: sentMs - 300, t, series };
  assert.deepEqual(post(named), [0, 12, 0, 20], "by its name");
  assert.deepEqual(post({ t, series }), [0, 12, 0, null], "by its readings");
  assert.deepEqual(post({ t, series: { depth_m: t } }), [0, 0, 6, null]);
  const next = { boot: "b1", seq: 21, t: [sentMs + 1], series: { depth_m: [1] } };
  assert.deepEqual(post(next), [1, 0, 0, 21]);
});
