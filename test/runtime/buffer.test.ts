// Does a buffer that fills say so, close, and lose nothing? A region with a small quota on bare
// workerd, whose origin is away and comes back: announced, some refused, all refused, drained, and
// the origin counts exactly what was accepted (P1, P2, P8).

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addDecimals, formatDecimal, parseDecimal, sumOf, ZERO } from "../../sync/decimal.ts";
import { BATCH, BufferWorld, type Answer } from "../support/buffer-world.ts";

/** Posts until all is refused; the answers by status. Between the marks chance refuses some of many. */
async function fill(world: BufferWorld): Promise<Map<number, Answer[]>> {
  const seen = new Map<number, Answer[]>();
  for (let posts = 0; posts < 1_000 && !seen.has(503); posts += 1) {
    const answer = await world.post("boat-1");
    seen.set(answer.status, [...(seen.get(answer.status) ?? []), answer]);
  }
  return seen;
}

function assertMarks(seen: ReadonlyMap<number, readonly Answer[]>): void {
  assert.deepEqual(new Set(seen.keys()), new Set([200, 429, 503]));
  const announced = seen.get(200)?.filter(({ headers }) => headers.has("skerry-buffer")) ?? [];
  assert.ok(announced.length > 0);
  for (const { headers, json } of announced) {
    assert.ok(Number(headers.get("skerry-buffer")) >= 0.7);
    assert.equal(json["buffer"], Number(headers.get("skerry-buffer")));
  }
  for (const [status, code, least] of [
    [429, "buffer-high", 0.85],
    [503, "buffer-full", 0.95],
  ] as const)
    for (const { headers, json } of seen.get(status) ?? []) {
      assert.equal(json["type"], `urn:skerry:problem:${code}`);
      const waitS = Number(headers.get("retry-after"));
      assert.ok(Number.isInteger(waitS) && waitS >= 1 && waitS <= 300, String(waitS));
      assert.ok(Number(headers.get("skerry-buffer")) >= least);
    }
}

test("P1 a full buffer refuses with Retry-After, takes again once it drains, and the counts are exact", async () => {
  await using world = await BufferWorld.open({ bytes: 131_072 });
  assert.equal((await world.post("boat-1")).headers.has("skerry-buffer"), false);
  world.region.link.cut();
  const seen = await fill(world);
  assertMarks(seen);
  const full = await world.buffer();
  assert.ok(Number(full["fill"]) >= 0.95 && full["bytesMax"] === 131_072, JSON.stringify(full));
  // The other doors are closed as well, in their own words.
  const gateway = await world.world.operatorToken("ingest");
  const batches = await world.send("/v1/batches", gateway, {
    batches: [{ device: "boat-2", t: [1_790_000_000_000], series: { a: [1] } }],
  });
  assert.deepEqual([batches.status, batches.headers.has("retry-after")], [503, true]);

  world.region.link.heal();
  await world.drained();
  const again = await world.post("boat-1");
  assert.deepEqual([again.status, again.headers.has("skerry-buffer")], [200, false]);
  await world.drained();
  const taken = 2 + (seen.get(200)?.length ?? 0);
  assert.equal(await world.counted("boat-1"), taken * BATCH);
  assert.equal(await world.counted("boat-2"), 0);
});

test("P1 P8 where readings are refused, what is of a higher class is still taken: answers to commands, shadows", async () => {
  await using world = await BufferWorld.open({ bytes: 65_536 });
  const operator = await world.world.operatorToken("admin", "read");
  const device = await world.world.deviceToken("boat-1");
  world.region.link.cut();
  const seen = await fill(world);
  assert.ok(seen.has(503));
  const base = "/v1/devices/boat-1";
  const given = await world.send(`${base}/commands`, operator, { id: "c1", name: "stop" });
  assert.equal(given.status, 201, JSON.stringify(given.json));
  const done = await world.send(`${base}/commands/c1`, device, { state: "done", result: 7 });
  assert.deepEqual([done.status, done.json["state"]], [200, "done"]);
  const patched = await fetch(`${world.region.url}${base}/shadow`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${device}`, "content-type": "application/json" },
    body: JSON.stringify({ reported: { full: true } }),
  });
  assert.equal(patched.status, 200);
  const refused = await world.post("boat-1");
  assert.ok(refused.status === 503 || refused.status === 429);
  const { events, rollups } = (await world.buffer()) as Record<string, { fill: number }>;
  assert.deepEqual([events?.fill, rollups?.fill], [0, 0], "Each class has a room of its own");
  // They go up although the readings have not.
  world.region.link.heal();
  let state: string | undefined;
  for (let tries = 0; tries < 200 && state !== "done"; tries += 1) {
    const told = (await world.origin(`${base}/commands`)) as { commands?: { state: string }[] };
    state = told.commands?.[0]?.state;
    if (state !== "done") await sleep(100);
  }
  assert.equal(state, "done");
});

/** Posts much more than fits while the origin is away, over a kill; then all is drained. */
async function overfill(world: BufferWorld): Promise<number> {
  world.region.link.cut();
  let accepted = 0;
  for (let posts = 0; posts < 150; posts += 1) {
    const { status, json } = await world.post("boat-1");
    assert.equal(status, 200, JSON.stringify(json));
    accepted += Number(json["accepted"]);
    // A hub that is killed in between goes on where it was.
    if (posts === 100) await world.region.edge.restart();
  }
  world.region.link.heal();
  await world.drained();
  return accepted;
}

interface Accounts {
  readonly accepted: number;
  readonly present: number;
  readonly thinned: number;
  readonly gapped: number;
  readonly quarantined: number;
}

/** The hub's account, which adds up. */
function accountsOf(buffer: Record<string, unknown>, accepted: number): Accounts {
  const accounts = buffer["accounts"] as Accounts;
  const { present, thinned, gapped } = accounts;
  assert.deepEqual([accounts.accepted, present + thinned + gapped], [accepted, accepted]);
  return accounts;
}

interface Gap {
  readonly stream: string;
  readonly policy: string;
  readonly reason: string;
  readonly to: string;
  readonly readings: number;
  readonly rollups?: string;
}

/** What both ends tell of the gaps, the same at both. */
async function gapsOf(world: BufferWorld): Promise<{ readings: number; gaps: readonly Gap[] }> {
  const there = await world.origin("/v1/devices/boat-1/gaps");
  const here = await world.edge("/v1/devices/boat-1/gaps");
  assert.deepEqual({ region: "hel", ...there }, here);
  return there as unknown as { readings: number; gaps: readonly Gap[] };
}

for (const policy of ["drop-oldest", "drop-newest"])
  test(`P1 with ${policy} nothing is refused, and what is given up is told at both ends, to the reading`, async () => {
    await using world = await BufferWorld.open({ bytes: 65_536, policy });
    const accepted = await overfill(world);
    const { readings, gaps } = await gapsOf(world);
    const { gapped, thinned } = accountsOf(await world.buffer(), accepted);
    const there = await world.origin("/v1/devices/boat-1");
    assert.deepEqual([gapped, there["gapped"], thinned], [readings, readings, 0]);
    assert.ok(readings > 0);
    assert.equal(readings + (await world.counted("boat-1")), accepted);
    for (const gap of gaps)
      assert.deepEqual([gap.stream, gap.policy, gap.reason], ["noise", policy, "buffer-full"]);
    assert.ok(gaps.length <= 2, "Hours that follow each other are one gap");
    // They stand in answers, where they meet what is asked for.
    const history = "/v1/devices/boat-1/readings";
    const page = await world.edge(`${history}?resolution=1h`);
    assert.deepEqual([page["gaps"], page["gapsTruncated"]], [gaps, undefined]);
    const elsewhere = await world.edge(`${history}?to=2020-01-01T00:00:00Z`);
    assert.deepEqual(elsewhere["gaps"], []);
    const said = (await world.csvFields(`${history}?resolution=1h`)).get("skerry-gaps") ?? "";
    const counts = [...said.matchAll(/readings=(\d+);policy=([a-z-]+)/g)];
    assert.deepEqual(
      counts.map(([, count, by]) => [Number(count), by]),
      gaps.map((gap) => [gap.readings, policy]),
    );
    // Which of the two goes: what came long before the last, or nearly the last.
    const end = Math.max(...gaps.map(({ to }) => Date.parse(to)));
    const batches = (world.lastMs - end) / BATCH;
    assert.equal(policy === "drop-newest" ? batches < 8 : batches > 20, true, String(batches));
  });

test("P1 what the disk damages before the origin has it is a gap at both ends, to the reading", async () => {
  await using world = await BufferWorld.open({});
  world.region.link.cut();
  for (let posts = 0; posts < 12; posts += 1)
    assert.equal((await world.post("boat-1")).status, 200);
  // One of which the checksum alone is wrong, two of which nothing can be read, side by side.
  const wrecked = "note = x'0107', body = x'0107'";
  await world.damage("update journal set crc = crc + 1 where seq = 3");
  await world.damage(`update journal set ${wrecked} where seq in (6, 7)`);
  world.region.link.heal();
  await world.drained();
  const { readings, gaps } = await gapsOf(world);
  assert.equal(readings, BATCH, "what is known to be of this device");
  assert.deepEqual(
    gaps.map(({ stream, reason, readings: count }) => [stream, reason, count]),
    [
      ["*", "damaged", 2 * BATCH],
      ["noise", "damaged", BATCH],
    ],
  );
  assert.equal(accountsOf(await world.buffer(), 12 * BATCH).gapped, 3 * BATCH);
  assert.equal(await world.counted("boat-1"), 9 * BATCH);
});

for (const policy of ["drop-oldest", "thin"])
  test(`P1 P2 a region restored from a copy under ${policy}: the origin knows of each reading, once`, async () => {
    await using world = await BufferWorld.open({ bytes: 65_536, policy });
    const first = await overfill(world);
    await world.copyDisk();
    const second = await overfill(world);
    await world.restoreDisk();
    const third = await overfill(world);
    const there = await world.origin("/v1/devices/boat-1/gaps");
    const totals = await world.origin("/v1/devices/boat-1");
    const counted = await world.counted("boat-1");
    assert.ok(Number(there["readings"]) > 0);
    assert.equal(counted + Number(there["readings"]), first + second + third);
    assert.equal(totals["thinned"] ?? 0, policy === "thin" ? there["readings"] : 0);
  });

test("P1 P2 with thin nothing is refused, and the minutes of what goes reach the origin exactly", async () => {
  await using world = await BufferWorld.open({ bytes: 65_536, policy: "thin" });
  const accepted = await overfill(world);
  const { readings, gaps } = await gapsOf(world);
  assert.ok(readings > 0);
  for (const { reason, rollups } of gaps) assert.deepEqual([reason, rollups], ["thinned", "1m"]);
  const totals = (await world.origin("/v1/devices/boat-1")) as {
    readings: number;
    thinned: number;
    streams: { noise: { sum: string; thinned: { count: number; sum: string } } };
  };
  assert.deepEqual([totals.thinned, totals.readings + readings], [readings, accepted]);
  const { noise } = totals.streams;
  const sums = [noise.sum, noise.thinned.sum].map((sum) => parseDecimal(sum) ?? ZERO);
  const sum = formatDecimal(sums.reduce(addDecimals, ZERO));
  assert.equal(sum, formatDecimal(sumOf(world.values)));
  // Page by page they are the same.
  let [count, where] = [0, ""];
  do {
    const page = (await world.origin(
      `/v1/devices/boat-1/thinned?stream=noise&limit=1${where}`,
    )) as {
      minutes: { count: number }[];
      cursor: string | null;
    };
    for (const minute of page.minutes) count += minute.count;
    where = page.cursor === null ? "" : `&cursor=${encodeURIComponent(page.cursor)}`;
  } while (where !== "");
  assert.equal(count, readings);
  const wrong = await world.origin("/v1/devices/boat-1/thinned?from=soon&limit=0&stream=A");
  assert.deepEqual(wrong["type"], "urn:skerry:problem:malformed-query");
  assert.equal((wrong["errors"] as object[]).length, 3);
});

test("P1 with thin nothing is lost where the minutes have no room either: then readings are refused", async () => {
  const rollups = { bytes: 65_536, ageSeconds: 60 };
  await using world = await BufferWorld.open({ bytes: 65_536, policy: "thin", rollups });
  world.region.link.cut();
  const seen = await fill(world);
  // The minutes of readings that are nearly an hour old are too old at once.
  const accepted = (seen.get(200)?.length ?? 0) * BATCH;
  const { gapped, thinned } = accountsOf(await world.buffer(), accepted);
  assert.ok(gapped === 0 && thinned > 0 && seen.has(503));
  world.region.link.heal();
  await world.drained();
  const counted = await world.counted("boat-1");
  assert.equal(counted + thinned, accepted);
});
