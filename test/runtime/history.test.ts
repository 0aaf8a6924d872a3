// Reading back over HTTP on bare workerd: what was taken in is told by page, by bucket and as CSV,
// before and after a restart; an export lands in another region with equal sums; and a large question
// lets commits in between.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { openWorld, type World } from "../../tools/launcher/world.ts";

const DEVICE = "boat-1";
const DAY = 86_400_000;
/** Months before anything else here. */
const OLD = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-history-"));
let world: World;
let base = "";
let reader = "";
let ingest = "";
let device = "";
let other = "";

before(async () => {
  world = await openWorld({ stateDir, basePort: 0 });
  base = world.region("hel").url;
  reader = await world.operatorToken("read");
  ingest = await world.operatorToken("ingest");
  device = await world.deviceToken(DEVICE);
  other = await world.deviceToken("boat-2");
});
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});

interface Page {
  readonly t: readonly string[];
  readonly series: Readonly<Record<string, readonly (number | boolean | null)[]>>;
  readonly cursor: string | null;
  readonly damaged: readonly unknown[];
}

interface Sums {
  readonly series: Readonly<
    Record<string, { readonly t: string[]; readonly count: number[]; readonly sum: string[] }>
  >;
  readonly cursor: string | null;
}

async function ask(
  target: string,
  token = reader,
  fields: Record<string, string> = {},
): Promise<Response> {
  return fetch(target.startsWith("http") ? target : base + target, {
    headers: { authorization: `Bearer ${token}`, ...fields },
  });
}

async function page<T = Page>(query: string, name = DEVICE, url = base): Promise<T> {
  const response = await ask(`${url}/v1/devices/${name}/readings?${query}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as T;
}

async function post(
  body: string,
  type: string,
  { name = DEVICE, url = base, token = device } = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/v1/devices/${name}/readings`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": type },
    body,
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Record<string, unknown>;
}

function columns(t0: number, step: number, rows: number, shift = 0): string {
  const values = Array.from(
    { length: rows },
    (_, row) => Math.round(Math.sin(row + shift) * 1e4) / 1e3,
  );
  const open = Array.from({ length: rows }, (_, row) => (row % 3 === 0 ? row % 2 === 0 : null));
  return JSON.stringify({ t0, step, series: { depth_m: values, hatch_open: open } });
}

/** All pages of a query. */
async function all(query: string, name = DEVICE, url = base): Promise<[string, string, unknown][]> {
  const rows: [string, string, unknown][] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const next: Page = await page(`${query}${cursor === "" ? "" : `&cursor=${cursor}`}`, name, url);
    for (const [stream, column] of Object.entries(next.series))
      for (const [at, value] of column.entries())
        if (value !== null) rows.push([next.t[at] ?? "", stream, value]);
    cursor = next.cursor;
  }
  return rows.toSorted(([a, b], [c, d]) => (`${a} ${b}` < `${c} ${d}` ? -1 : 1));
}

test("a page of readings has what was posted, in order, and the next one goes on behind it", async () => {
  // Out of order, over each other, and over months.
  for (const [t0, step] of [
    [OLD + 120_000, 1_000],
    [OLD, 2_000],
    [OLD, 1_000],
    [OLD + 60 * DAY, 600_000],
  ] as const)
    await post(columns(t0, step, 300), "application/json");
  const whole = await page("limit=10000");
  assert.deepEqual([whole.cursor, whole.damaged], [null, []]);
  assert.equal(whole.t[0], new Date(OLD).toISOString());
  assert.deepEqual(whole.t, whole.t.toSorted());
  assert.equal(new Set(whole.t).size, whole.t.length);
  const rows = await all("limit=10000");
  assert.equal(rows.length, 1_600 - duplicates());
  assert.deepEqual(await all("limit=7"), rows);
  const inner = await all(`from=${OLD + 5_000}&to=${new Date(OLD + 9_000).toISOString()}&limit=3`);
  assert.equal(inner[0]?.[0], new Date(OLD + 5_000).toISOString());
  assert.ok(inner.every(([time]) => Date.parse(time) < OLD + 9_000));
});

/** Identities that the four batches have more than once. */
function duplicates(): number {
  const seen = new Set<string>();
  let posted = 0;
  for (const [t0, step] of [
    [OLD + 120_000, 1_000],
    [OLD, 2_000],
    [OLD, 1_000],
    [OLD + 60 * DAY, 600_000],
  ] as const)
    for (let row = 0; row < 300; row += 1) {
      const streams = row % 3 === 0 ? ["depth_m", "hatch_open"] : ["depth_m"];
      for (const stream of streams) seen.add(`${stream} ${t0 + row * step}`);
      posted += streams.length;
    }
  assert.equal(posted, 1_600);
  return posted - seen.size;
}

test("buckets add up to what the hub counts, and to the raw readings", async () => {
  const response = await ask(`/v1/devices/${DEVICE}`);
  const { streams } = (await response.json()) as {
    streams: Record<string, { count: number; sum: string }>;
  };
  for (const resolution of ["1m", "1h"]) {
    const { series, cursor } = await page<Sums>(`resolution=${resolution}&limit=10000`);
    assert.equal(cursor, null);
    for (const [name, { count, sum }] of Object.entries(streams)) {
      const own = series[name];
      assert.equal(
        own?.count.reduce((a, b) => a + b, 0),
        count,
        `${name} ${resolution}`,
      );
      assert.equal(total(own?.sum ?? []), thousandths(sum), `${name} ${resolution}`);
    }
  }
});

/** Sums of texts with at most three decimals, exactly. */
function total(sums: readonly string[]): number {
  return sums.reduce((sum, text) => sum + thousandths(text), 0);
}

function thousandths(text: string): number {
  return Math.round(Number(text) * 1_000);
}

test("an export as CSV lands in another region as the same readings, and as equal sums", async () => {
  const to = world.region("tll").url;
  let next: string | null = `/v1/devices/${DEVICE}/readings?limit=500&stream=depth_m,hatch_open`;
  let pages = 0;
  while (next !== null) {
    const response: Response = await ask(next, device, { accept: "text/csv" });
    assert.match(response.headers.get("content-type") ?? "", /^text\/csv;.*header=present$/);
    const answer = await post(await response.text(), "text/csv", {
      name: "boat-2",
      url: to,
      token: other,
    });
    assert.deepEqual([answer["rejected"], answer["duplicates"]], [0, 0]);
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1] ?? null;
    pages += 1;
  }
  assert.ok(pages > 2);
  assert.deepEqual(await all("limit=10000", "boat-2", to), await all("limit=10000"));
  for (const resolution of ["1m", "1h"]) {
    const query = `resolution=${resolution}&limit=10000`;
    assert.deepEqual(
      (await page<Sums>(query, "boat-2", to)).series,
      (await page<Sums>(query)).series,
    );
  }
});

test("what one sees is what one sees after a restart, and latest says what came last", async () => {
  const query = "limit=10000";
  const before = [await all(query), await page("resolution=1h"), await latest()];
  await world.region("hel").edge.restart();
  base = world.region("hel").url;
  assert.deepEqual([await all(query), await page("resolution=1h"), await latest()], before);
  const { streams } = (await latest()) as { streams: Record<string, Record<string, unknown>> };
  const last = (await page(`stream=depth_m&limit=10000`)).t.at(-1);
  assert.deepEqual(
    [streams["depth_m"]?.["time"], streams["depth_m"]?.["type"], streams["hatch_open"]?.["type"]],
    [last, "number", "boolean"],
  );
  assert.ok(Math.abs(Date.parse(String(streams["depth_m"]?.["arrived"])) - Date.now()) < 60_000);
});

async function latest(): Promise<unknown> {
  return (await ask(`/v1/devices/${DEVICE}/latest`, device)).json();
}

test("quarantined readings are told when asked for, and by themselves", async () => {
  const ahead = Date.now() + DAY;
  await post(JSON.stringify([{ stream: "depth_m", value: 99, time: ahead }]), "application/json");
  const time = new Date(ahead).toISOString();
  assert.ok(!(await page(`from=${ahead}`)).t.includes(time));
  const { t, quarantined } = await page<Page & { quarantined: Page }>(
    `from=${ahead}&quarantined=true`,
  );
  assert.deepEqual([t, quarantined.t, quarantined.series], [[], [time], { depth_m: [99] }]);
  const csv = await ask(`/v1/devices/${DEVICE}/readings?from=${ahead}&quarantined=true&format=csv`);
  assert.equal(await csv.text(), `time,stream,value,quarantined\r\n${time},depth_m,99,true\r\n`);
});

test("a client that has it is told so, and HEAD has the fields without the body", async () => {
  const target = `/v1/devices/${DEVICE}/readings?to=${OLD + 10_000}`;
  const first = await ask(target);
  const etag = first.headers.get("etag") ?? "";
  assert.match(etag, /^"[0-9a-f]{32}"$/);
  assert.equal(first.headers.get("cache-control"), "private, no-cache");
  assert.equal((await ask(target, reader, { "if-none-match": etag })).status, 304);
  assert.equal((await ask(`${target}&limit=1`, reader, { "if-none-match": etag })).status, 200);
  const head = await fetch(base + target, {
    method: "HEAD",
    headers: { authorization: `Bearer ${reader}` },
  });
  assert.deepEqual([head.status, head.headers.get("etag"), await head.text()], [200, etag, ""]);
});

test("P9 what is wrong with a question is named, and who may not ask is told", async () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ["stream=Depth", 400, "stream"],
    [`stream=${Array.from({ length: 300 }, (_, at) => `s${at}`).join()}`, 400, "stream"],
    ["from=yesterday", 400, "from"],
    ["from=1790000000", 400, "from"],
    ["to=2026-13-01T00:00:00Z", 400, "to"],
    ["from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400, "to"],
    ["resolution=5m", 400, "resolution"],
    ["limit=0", 400, "limit"],
    ["limit=10001", 400, "limit"],
    ["limit=1&limit=2", 400, "limit"],
    ["cursor=1-0--0-0", 400, "cursor"],
    ["format=xml", 400, "format"],
    ["quarantined=yes", 400, "quarantined"],
    ["quarantined=true&resolution=1m", 400, "quarantined"],
    ["until=1", 400, "unknown-parameter"],
    [`stream=${"a".repeat(40_000)}`, 400, "query"],
  ];
  for (const [query, status, code] of cases) {
    const response = await ask(`/v1/devices/${DEVICE}/readings?${query}`);
    const body = (await response.json()) as { errors: { code: string; message: string }[] };
    assert.deepEqual([response.status, body.errors[0]?.code], [status, code], query.slice(0, 80));
    assert.ok((body.errors[0]?.message ?? "").length > 10);
  }
  const readings = `/v1/devices/${DEVICE}/readings`;
  const statuses = [
    (await ask("/v1/devices/nobody/readings")).status,
    (await ask("/v1/devices/nobody/latest")).status,
    (await ask("/v1/devices/a%20b/latest")).status,
    (await ask(readings, other)).status,
    (await ask(readings, ingest)).status,
    (await fetch(base + readings)).status,
    (await ask(readings, reader, { accept: "image/png" })).status,
    (await fetch(base + readings, { method: "DELETE" })).status,
    (await fetch(`${base}/v1/devices/${DEVICE}/latest`, { method: "POST" })).status,
  ];
  assert.deepEqual(statuses, [404, 404, 400, 403, 403, 401, 406, 405, 405]);
});

test("while a large question is answered, readings are taken in", async () => {
  const name = "boat-2";
  // Of late: what is older than a week is folded.
  const big = Math.floor(Date.now() / DAY) * DAY - 5 * DAY;
  for (let batch = 0; batch < 60; batch += 1) {
    const t0 = big + batch * 5_000_000;
    const values = Array.from({ length: 5_000 }, (_, row) => Math.round(Math.sin(row) * 1e6) / 1e3);
    const body = JSON.stringify({ t0, step: 1_000, series: { noise: values, level: values } });
    await post(body, "application/json", { name, token: other });
  }
  let isAnswered = false;
  const question = page<Sums>("resolution=1h&limit=10000", name).finally(() => (isAnswered = true));
  let during = 0;
  for (let seq = 0; !isAnswered; seq += 1) {
    const time = big - DAY + seq;
    await post(JSON.stringify([{ stream: "level", value: 1, time }]), "application/json", {
      name,
      token: other,
    });
    if (!isAnswered) during += 1;
  }
  const { series } = await question;
  assert.equal(
    series["noise"]?.count.reduce((a, b) => a + b, 0),
    300_000,
  );
  assert.ok(during >= 3, `${during} posts were answered meanwhile`);
});
