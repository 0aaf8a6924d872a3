// What becomes of an entry that the origin cannot read? On the real runtime, over the sealed link: those
// behind it are counted, it is set aside and shown, and an operator looks at it, replays it once it can
// be read, or drops it. The commands are those of docs/operations.md.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { openOriginLink } from "../../edge/platform/origin-link.ts";
import { parseReplicaId } from "../../sync/brand.ts";
import { decodeDownFrame, type ReceivedDownFrame } from "../../sync/wire/down-frame.ts";
import { encodeUpFrame, type UpFrame } from "../../sync/wire/up-frame.ts";
import { mintOperatorToken } from "../../tools/launcher/keys.ts";
import { commandsBelow } from "../support/documents.ts";
import { commandOf } from "../support/commands.ts";
import { openOrigin } from "../support/open-world.ts";

const { stateDir, keys, origin } = await openOrigin("poison");
const admin = await mintOperatorToken(keys, "admin", ["admin", "read"]);
const reader = await mintOperatorToken(keys, "reader", ["read"]);
const link = openOriginLink(origin.url, keys.linkKey);

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

async function ask(method: string, target: string, token: string | null = admin): Promise<Answer> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(origin.url + target, { method, headers });
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : (JSON.parse(text) as Answer["json"]) };
}

async function exchange(
  frame: Partial<UpFrame> & Pick<UpFrame, "speaker">,
): Promise<ReceivedDownFrame> {
  const nowhere = { seq: 0, digest: 0 };
  const empty = { floor: 1, head: 3, sentMs: 5, from: nowhere, to: 0, ack: nowhere };
  const outcome = await link.exchange(
    encodeUpFrame({ ...empty, isKeyless: true, log: [], groups: [], ...frame }),
  );
  assert.ok(outcome.kind === "answered");
  const answer = decodeDownFrame(outcome.frame);
  assert.ok(answer.ok);
  return answer.value;
}

function readingsAt(timeMs: number): Uint8Array {
  return commandOf({ t: [timeMs], series: { a: [timeMs] } }).entry;
}

const BROKEN = Uint8Array.of(1, 2, 3);
const [FIRST, SECOND] = ["hel.00-ff.7.1", "hel.00-ff.7.2"];

test("P3 entries that cannot be read are set aside and shown, and the one behind them counts", async () => {
  const replica = parseReplicaId("hel/00-ff");
  assert.ok(replica !== null);
  const { link: number } = await exchange({ speaker: { kind: "hello", replica, replicaEpoch: 7 } });
  const log = [BROKEN, BROKEN, readingsAt(30)].map((body, at) => ({
    seq: at + 1,
    stampMs: 1_790_000_000_000 + at,
    body,
  }));
  const answer = await exchange({ speaker: { kind: "link", link: number }, to: 3, log });
  assert.deepEqual([answer.outcome, answer.at.seq], ["applied", 3]);
  const { json } = await ask("GET", "/v1/devices/boat-1");
  const [lag] = json["lag"] as { poisoned: number }[];
  assert.deepEqual([json["readings"], lag?.poisoned], [1, 2]);
  const ready = (await ask("GET", "/readyz", null)).json["poison"];
  const room = { entries: 2, entriesMax: 1_024, bytes: 6, bytesMax: 67_108_864, dropped: 0 };
  assert.deepEqual(ready, room);
  const { listed, cursor, ...rest } = (await ask("GET", "/v1/poison")).json;
  assert.deepEqual([rest, cursor], [room, null]);
  const [one] = listed as Record<string, unknown>[];
  const { since, ...known } = one ?? {};
  assert.ok(Date.now() - Date.parse(String(since)) < 60_000);
  assert.deepEqual(known, {
    id: FIRST,
    replica: "hel/00-ff",
    replicaEpoch: 7,
    seq: 1,
    bytes: 3,
    reason: "broken-batch",
    committed: "2026-09-21T14:13:20.000Z",
  });
  const { json: next } = await ask("GET", `/v1/poison?cursor=${FIRST}`);
  assert.deepEqual(
    (next["listed"] as { id: string }[]).map(({ id }) => id),
    [SECOND],
  );
});

test("an entry is told as it is, stays while it cannot be read, and is gone once it is dropped", async () => {
  const response = await fetch(`${origin.url}/v1/poison/${FIRST}`, {
    headers: { authorization: `Bearer ${admin}` },
  });
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), BROKEN);
  const replayed = await ask("POST", `/v1/poison/${FIRST}/replay`);
  assert.deepEqual(
    [replayed.status, replayed.json["type"]],
    [409, "urn:skerry:problem:still-poison"],
  );
  assert.deepEqual((await ask("POST", "/v1/poison/replay")).json, {
    replayed: 0,
    added: 0,
    stillPoison: 2,
    cursor: null,
  });
  // As docs/operations.md has it.
  const shown = commandsBelow("docs/operations.md", "Entries that cannot be counted");
  assert.equal(shown.length, 4);
  for (const command of shown) {
    const moved = command
      .replace("localhost:8790", new URL(origin.url).host)
      .replace("hel.00-ff.7.901", FIRST ?? "");
    execFileSync("sh", ["-c", moved], { cwd: stateDir, env: { ...process.env, ADMIN: admin } });
  }
  assert.deepEqual(new Uint8Array(readFileSync(path.join(stateDir, "entry.bin"))), BROKEN);
  for (const [method, where] of [
    ["DELETE", ""],
    ["GET", ""],
    ["POST", "/replay"],
  ] as const) {
    const gone = await ask(method, `/v1/poison/${FIRST}${where}`);
    assert.deepEqual([gone.status, gone.json["type"]], [404, "urn:skerry:problem:no-such-entry"]);
  }
});

test("P2 an entry that can be read after a repair is replayed, counts once, and is gone", async () => {
  await origin.stop();
  const files = globSync("origin/**/*.sqlite", { cwd: stateDir });
  const repaired = files.filter((file) => {
    const sql = new DatabaseSync(path.join(stateDir, file));
    const [table] = sql.prepare("select 1 from sqlite_master where name = 'poison'").all();
    if (table !== undefined) sql.prepare("update poison set body = ?").run(readingsAt(20));
    sql.close();
    return table !== undefined;
  });
  assert.equal(repaired.length, 1, files.join());
  await origin.resume();
  const replayed = await ask("POST", `/v1/poison/${SECOND}/replay`);
  assert.deepEqual(replayed, { status: 200, json: { id: SECOND, added: 1 } });
  const { json } = await ask("GET", "/v1/devices/boat-1");
  const streams = json["streams"] as { a: { count: number; sum: string } };
  assert.deepEqual([streams.a.count, streams.a.sum], [2, "50"]);
  assert.equal((await ask("GET", "/v1/poison")).json["entries"], 0);
  const all = { replayed: 0, added: 0, stillPoison: 0, cursor: null };
  assert.deepEqual((await ask("POST", "/v1/poison/replay")).json, all);
});

test("P9 what is set aside is an operator's alone, and a name that is none is not found", async () => {
  for (const [method, target] of [
    ["GET", "/v1/poison"],
    ["POST", "/v1/poison/replay"],
    ["GET", `/v1/poison/${SECOND}`],
    ["DELETE", `/v1/poison/${SECOND}`],
    ["POST", `/v1/poison/${SECOND}/replay`],
  ] as const) {
    assert.equal((await ask(method, target, null)).status, 401);
    assert.equal((await ask(method, target, reader)).status, 403);
  }
  for (const id of ["x", "hel.00-ff.7", "HEL.00-ff.7.1", "hel.00-ff.7.1.1", "%00"])
    assert.equal((await ask("GET", `/v1/poison/${id}`)).status, 404);
  assert.equal((await ask("GET", "/v1/poison?cursor=x")).status, 404);
  assert.equal((await ask("PUT", "/v1/poison")).status, 405);
});
