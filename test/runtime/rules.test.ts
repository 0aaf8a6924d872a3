// Does a rule that is published at the origin fire in the regions, in the commit of the reading that it
// fires for, and do alert and acknowledgement reach both ends? Two regions on bare workerd and an origin
// under Miniflare: with the origin cut, after kills, and everything that is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, becomes, outcomeOf, type Told } from "../support/ask.ts";
import { runShown, shownCommands } from "../support/documents.ts";
import { LiveClient } from "../support/live-client.ts";
import { openRegions } from "../support/open-world.ts";

const { stateDir, world } = await openRegions("rules", 2, {
  RULES: JSON.stringify({ frost: { device: "deck-*", stream: "temp_c", below: 0 } }),
});
const admin = await world.operatorToken("admin");
const reader = await world.operatorToken("read");
const ingest = await world.operatorToken("ingest");
const [hel, tll] = [world.region("hel"), world.region("tll")];
const origin = world.origin.url;
const T = 1_700_000_000_000;
let seqs = 0;
let probes = 0;

interface Alert {
  readonly id: string;
  readonly state: string;
  readonly [field: string]: unknown;
}

const putRule = (name: string, rule: unknown): Promise<Told> =>
  ask("PUT", `${origin}/v1/rules/${name}`, { token: admin, body: rule });

async function post(url: string, device: string, t: number[], values: number[], stream = "temp_c") {
  const body = { boot: "b1", seq: (seqs += 1), t, series: { [stream]: values } };
  const told = await ask("POST", `${url}/v1/devices/${device}/readings`, { token: ingest, body });
  assert.equal(told.status, 200, JSON.stringify(told.json));
}

async function listed(url: string, query: string): Promise<Alert[]> {
  const { status, json } = await ask("GET", `${url}/v1/alerts?${query}`, { token: reader });
  assert.equal(status, 200, JSON.stringify(json));
  return json["alerts"] as Alert[];
}

const states = async (url: string, query: string): Promise<string[]> =>
  (await listed(url, query)).map(({ id, state }) => `${id} ${state}`);

const acknowledge = (url: string, id: string): Promise<Told> =>
  ask("POST", `${url}/v1/alerts/${id}/ack`, { token: admin });

/** Waits until a rule is in force in regions: their hubs fire by it for a device that nobody else uses. */
async function inForce(
  rule: string,
  value: number,
  stream = "temp_c",
  urls = [hel.url, tll.url],
  prefix = "probe-",
): Promise<void> {
  for (const url of urls) {
    const device = `${prefix}${(probes += 1)}`;
    let at = T;
    const look = async (): Promise<boolean> => {
      await post(url, device, [(at += 1)], [value], stream);
      return (await listed(url, `rule=${rule}&device=${device}`)).length > 0;
    };
    await becomes(true, look, 30_000);
  }
}

test("the rules of the deployment watch from the first reading on, until others are published", async () => {
  await post(tll.url, "deck-1", [T], [-1]);
  await becomes([`frost~deck-1~${T} firing`], () => states(tll.url, "device=deck-1"), 2_000);
  await putRule("unused", { device: "*", stream: "unused", above: 1 });
  await becomes([`frost~deck-1~${T} resolved`], () => states(tll.url, "device=deck-1"), 30_000);
});

await ask("POST", `${origin}/v1/devices`, { token: admin, body: { device: "pump-1" } });
const variables = { ADMIN: admin, DEVICE: await world.deviceToken("pump-1") };
for (const { command, answer } of shownCommands("docs/rules.md")) {
  test(`rules.md: $ ${command.slice(0, 80)}`, async () => {
    // The rule that was published arrives, and the alert, too.
    if (command.includes("/readings")) await inForce("hot-pump", 90, "temp_c", [hel.url], "pump-x");
    if (command.includes("/v1/alerts?"))
      await becomes(1, async () => (await listed(hel.url, "device=pump-1")).length);
    const hosts = { "localhost:8787": hel.url, "localhost:8790": origin };
    assert.deepEqual(...runShown({ command, answer }, variables, hosts, stateDir));
  });
}

test("a rule that is published fires, says why, is acknowledged at the origin and clears", async () => {
  const rule = { device: "*", stream: "temp_c", above: 80, clear: 75, severity: "critical" };
  const told = await putRule("hot", { ...rule, text: "Stop the pump" });
  assert.equal(told.status, 201, JSON.stringify(told.json));
  await inForce("hot", 90);
  await post(hel.url, "mill-1", [T, T + 1000, T + 2000], [70, 81.5, 79]);
  const id = `hot~mill-1~${T + 1000}`;
  await becomes([`${id} firing`], () => states(hel.url, "device=mill-1"), 2_000);
  const [alert] = await listed(hel.url, "device=mill-1");
  const { since, ruleVersion, ...rest } = alert as Alert;
  assert.match(String(since), /^\d{4}-/);
  assert.match(String(ruleVersion), /^[0-9a-f]{8}$/);
  assert.deepEqual(rest, {
    id,
    rule: "hot",
    device: "mill-1",
    stream: "temp_c",
    state: "firing",
    severity: "critical",
    text: "Stop the pump",
    reason: "temp_c is 81.5, above 80",
    windowStart: new Date(T + 1000).toISOString(),
    fired: { at: new Date(T + 1000).toISOString(), value: 81.5, region: "hel" },
    condition: { above: 80, clear: 75, forMs: 0 },
    acknowledged: null,
    resolved: null,
  });
  for (const url of [origin, tll.url])
    await becomes([`${id} firing`], () => states(url, "device=mill-1"));
  const acked = await acknowledge(origin, id);
  assert.deepEqual([acked.status, acked.json["state"]], [200, "acknowledged"]);
  for (const url of [hel.url, tll.url])
    await becomes([`${id} acknowledged`], () => states(url, "device=mill-1"));
  await post(hel.url, "mill-1", [T + 3000, T + 4000], [76, 75]);
  for (const url of [origin, hel.url, tll.url])
    await becomes([`${id} resolved`], () => states(url, "device=mill-1"));
  const [over] = await listed(origin, "device=mill-1&state=resolved");
  assert.deepEqual(over?.["resolved"], {
    reason: "cleared",
    at: new Date(T + 4000).toISOString(),
    value: 75,
    region: "hel",
  });
  assert.match(JSON.stringify(over?.["acknowledged"]), /"by":"[^"]+"/);
  assert.equal(outcomeOf(await acknowledge(hel.url, id)), "409 alert-over");
});

test("P6 with the origin cut alerts fire and are acknowledged, and both ends come to the same", async () => {
  await putRule("cold", { device: "boat-*", stream: "temp_c", below: 0, forMs: 10_000 });
  await putRule("cold-all", { device: "*", stream: "temp_c", below: -50 });
  await inForce("cold-all", -60);
  hel.link.cut();
  await post(hel.url, "boat-1", [T, T + 5000, T + 9999], [-1, -2, -3]);
  assert.deepEqual(await states(hel.url, "device=boat-1&rule=cold"), []);
  await post(hel.url, "boat-1", [T + 10_000], [-4]);
  const id = `cold~boat-1~${T}`;
  await becomes([`${id} firing`], () => states(hel.url, "device=boat-1"), 2_000);
  assert.equal((await acknowledge(hel.url, id)).status, 200);
  await hel.edge.kill();
  await hel.edge.resume();
  assert.deepEqual(await states(hel.url, "device=boat-1"), [`${id} acknowledged`]);
  // What a rule has begun outlives a restart: the alert goes on, and the next reading ends it.
  await post(hel.url, "boat-2", [T, T + 8000], [-1, -1]);
  await hel.edge.kill();
  await hel.edge.resume();
  await post(hel.url, "boat-2", [T + 12_000], [-1]);
  await becomes([`cold~boat-2~${T} firing`], () => states(hel.url, "device=boat-2"), 2_000);
  await post(hel.url, "boat-1", [T + 11_000], [3]);
  await becomes([`${id} resolved`], () => states(hel.url, "device=boat-1"), 2_000);
  assert.deepEqual(await states(origin, "device=boat-1"), []);
  hel.link.heal();
  for (const url of [origin, tll.url]) {
    await becomes([`${id} resolved`], () => states(url, "device=boat-1"), 30_000);
    await becomes([`cold~boat-2~${T} firing`], () => states(url, "device=boat-2"), 30_000);
  }
  const same = await Promise.all([origin, hel.url].map((url) => listed(url, "rule=cold")));
  assert.deepEqual(same[0], same[1]);
});

test("a rule that goes, or changes what it means, ends what it had begun, and says so", async () => {
  await putRule("deep", { device: "*", stream: "depth_m", above: 100 });
  await inForce("deep", 200, "depth_m", [hel.url]);
  await post(hel.url, "sub-1", [T], [150], "depth_m");
  await becomes([`deep~sub-1~${T} firing`], () => states(hel.url, "device=sub-1"), 2_000);
  // The same stream: the alert goes on under the threshold as it is now.
  assert.equal((await putRule("deep", { device: "*", stream: "depth_m", above: 300 })).status, 200);
  await becomes(
    [],
    async () => {
      const device = `probe-${(probes += 1)}`;
      await post(hel.url, device, [T], [200], "depth_m");
      return states(hel.url, `device=${device}`);
    },
    30_000,
  );
  assert.deepEqual(await states(hel.url, "device=sub-1"), [`deep~sub-1~${T} firing`]);
  const gone = await ask("DELETE", `${origin}/v1/rules/deep`, { token: admin });
  assert.equal(gone.status, 204);
  await becomes([`deep~sub-1~${T} resolved`], () => states(hel.url, "device=sub-1"), 30_000);
  const [over] = await listed(hel.url, "device=sub-1");
  assert.deepEqual(over?.["resolved"], {
    reason: "rule-removed",
    at: null,
    value: null,
    region: "hel",
  });
});

test("an alert of a device that moves ends where the device is, and it fires anew where it comes back", async () => {
  await putRule("far", { device: "*", stream: "range_m", above: 100 });
  await inForce("far", 200, "range_m");
  await post(hel.url, "cat-1", [T], [150], "range_m");
  const id = `far~cat-1~${T}`;
  await becomes([`${id} firing`], () => states(tll.url, "device=cat-1"));
  let at = T;
  const clear = async (): Promise<string[]> => {
    await post(tll.url, "cat-1", [(at += 1)], [50], "range_m");
    return states(tll.url, "device=cat-1");
  };
  await becomes([`${id} resolved`], clear, 30_000);
  for (const url of [origin, hel.url])
    await becomes([`${id} resolved`], () => states(url, "device=cat-1"));
  const [over] = await listed(origin, "device=cat-1");
  assert.equal((over?.["resolved"] as { region: string } | undefined)?.region, "tll");
  const back = async (): Promise<number> => {
    await post(hel.url, "cat-1", [(at += 1)], [150], "range_m");
    return (await states(hel.url, "device=cat-1")).length;
  };
  await becomes(2, back, 30_000);
  assert.match((await states(hel.url, "device=cat-1"))[0] ?? "", /^far~cat-1~\d+ firing$/);
});

test("P9 what is wrong with a rule or a request is named, and nothing is published", async () => {
  const rule = { device: "*", stream: "temp_c", above: 1 };
  const faults: readonly (readonly [unknown, string, RegExp])[] = [
    [{ ...rule, above: undefined }, "", /exactly one/],
    [{ ...rule, below: 0 }, "", /exactly one/],
    [{ ...rule, above: "hot" }, "/above", /a number/],
    [{ ...rule, clear: 2 }, "/clear", /not beyond/],
    [{ ...rule, stream: "Temp" }, "/stream", /name of a stream/],
    [{ ...rule, device: "*-pump" }, "/device", /how names begin/],
    [{ ...rule, forMs: -1 }, "/forMs", /0 to 86400000/],
    [{ ...rule, forMs: 86_400_001 }, "/forMs", /0 to 86400000/],
    [{ ...rule, severity: "fatal" }, "/severity", /critical/],
    [{ ...rule, text: "x".repeat(201) }, "/text", /1 to 200/],
    [{ ...rule, eval: "1" }, "", /nothing else/],
    [[], "", /is an object/],
  ];
  for (const [body, pointer, message] of faults) {
    const told = await putRule("bad", body);
    assert.equal(outcomeOf(told), "400 malformed", JSON.stringify(told.json));
    const [first] = told.json["errors"] as { pointer: string; message: string }[];
    assert.equal(first?.pointer, pointer, JSON.stringify(told.json));
    assert.match(first?.message ?? "", message);
  }
  // A name that objects have by themselves is one like others.
  assert.equal((await putRule("constructor", rule)).status, 201);
  for (const status of [204, 404]) {
    const told = await ask("DELETE", `${origin}/v1/rules/constructor`, { token: admin });
    assert.equal(told.status, status);
  }
  const wrong: [string, Promise<Told>][] = [
    ["400 malformed", putRule("Bad", rule)],
    ["400 malformed", ask("PUT", `${origin}/v1/rules/bad`, { token: admin, body: "{" })],
    ["401 token-no-token", ask("PUT", `${origin}/v1/rules/bad`, { body: rule })],
    ["403 forbidden", ask("PUT", `${origin}/v1/rules/bad`, { token: reader, body: rule })],
    ["404 rule-unknown", ask("GET", `${origin}/v1/rules/bad`, { token: reader })],
    ["404 rule-unknown", ask("DELETE", `${origin}/v1/rules/bad`, { token: admin })],
    ["405 method-not-allowed", ask("POST", `${origin}/v1/rules/bad`, { token: admin })],
    ["405 method-not-allowed", ask("DELETE", `${origin}/v1/rules`, { token: admin })],
    ["413 too-large", putRule("bad", { ...rule, text: "x".repeat(70_000) })],
  ];
  for (const url of [origin, hel.url]) {
    const list = (query: string, token?: string): Promise<Told> =>
      ask("GET", `${url}/v1/alerts?${query}`, token === undefined ? {} : { token });
    wrong.push(
      ["400 alert-query", list("state=over", reader)],
      ["400 alert-query", list("device=a%20b", reader)],
      ["400 alert-query", list("rule=A", reader)],
      ["400 bad-limit", list("limit=0", reader)],
      ["400 bad-cursor", list("cursor=x", reader)],
      ["401 token-no-token", list("")],
      ["403 forbidden", list("", ingest)],
      ["403 forbidden", ask("POST", `${url}/v1/alerts/a~b~1/ack`, { token: reader })],
      ["404 alert-unknown", acknowledge(url, "a~b~1")],
      ["404 alert-unknown", acknowledge(url, "x")],
      ["405 method-not-allowed", ask("PUT", `${url}/v1/alerts`, { token: admin })],
      ["405 method-not-allowed", ask("GET", `${url}/v1/alerts/a~b~1/ack`, { token: admin })],
    );
  }
  for (const [expected, asking] of wrong) {
    const told = await asking;
    assert.equal(outcomeOf(told), expected, JSON.stringify(told.json));
    assert.ok(String(told.json["detail"]).length > 10);
  }
});

test("alerts come by page, the newest first, and of a rule and a device the last eight stay", async () => {
  const t = Array.from({ length: 24 }, (_, i) => T + i);
  const values = t.map((_, i) => (i % 2 === 0 ? 99 : 1));
  await post(hel.url, "flap-1", t, values);
  const all = Array.from({ length: 8 }, (_, i) => `hot~flap-1~${T + 22 - 2 * i} resolved`);
  await becomes(all, () => states(hel.url, "device=flap-1"), 2_000);
  await becomes(all, () => states(origin, "device=flap-1"));
  const pages: string[] = [];
  let cursor = "";
  for (let page = 0; page < 3; page += 1) {
    const query = `device=flap-1&limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const { json } = await ask("GET", `${origin}/v1/alerts?${query}`, { token: reader });
    pages.push(...(json["alerts"] as Alert[]).map(({ id, state }) => `${id} ${state}`));
    cursor = String(json["cursor"]);
  }
  assert.deepEqual(pages, all);
  assert.equal(cursor, "null");
});

test("listeners hear what fires and what is over, and first what fires already", async () => {
  await putRule("gale", { device: "*", stream: "wind_ms", above: 20, clear: 15 });
  await inForce("gale", 30, "wind_ms", [hel.url]);
  const live = `${hel.url}/v1/live?events=alerts&stream=wind_ms`;
  await post(hel.url, "mast-1", [T], [25], "wind_ms");
  const id = `gale~mast-1~${T}`;
  await becomes([`${id} firing`], () => states(hel.url, "device=mast-1"));
  await using late = await LiveClient.open(`${live}&device=mast-1`, reader);
  const first = await late.until("alert");
  assert.deepEqual([first.data["id"], first.data["state"]], [id, "firing"]);
  assert.equal(first.data["reason"], "wind_ms is 25, above 20");
  await post(hel.url, "mast-2", [T], [25], "wind_ms");
  await post(hel.url, "mast-1", [T + 1], [15], "wind_ms");
  const second = await late.until("alert");
  assert.deepEqual([second.data["id"], second.data["state"]], [id, "resolved"]);
  assert.equal((second.data["resolved"] as { value: number }).value, 15);
  assert.equal("acknowledged" in second.data, false);
});

test("P1 over kills no alert whose reading was answered is lost, and none comes twice", async () => {
  await putRule("full", { device: "*", stream: "level", above: 10 });
  await inForce("full", 11, "level", [hel.url]);
  const answered = new Set<string>();
  let next = 0;
  let isOver = false;
  const sail = async (): Promise<void> => {
    while (!isOver) {
      const device = `tank-${(next += 1)}`;
      const body = { boot: "b1", seq: 1, t: [T, T + 1], series: { level: [12, 9] } };
      const url = `${hel.url}/v1/devices/${device}/readings`;
      // As a device does: it sends the same until it is answered.
      while (!answered.has(device)) {
        const told = await ask("POST", url, { token: ingest, body }).catch(() => null);
        if (told?.status === 200) answered.add(device);
      }
    }
  };
  const sailors = Array.from({ length: 8 }, sail);
  for (let kill = 0; kill < 6; kill += 1) {
    await sleep(150 + 70 * kill);
    await hel.edge.kill();
    await hel.edge.resume();
  }
  isOver = true;
  await Promise.all(sailors);
  assert.ok(answered.size > 50, `only ${answered.size}`);
  const expected = [...answered].map((device) => `full~${device}~${T} resolved`).toSorted();
  const found = async (url: string): Promise<string[]> => {
    const all: string[] = [];
    let cursor = "";
    while (cursor !== "null") {
      const query = `rule=full&limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`;
      const { json } = await ask("GET", `${url}/v1/alerts?${query}`, { token: reader });
      all.push(...(json["alerts"] as Alert[]).map(({ id, state }) => `${id} ${state}`));
      cursor = String(json["cursor"]);
    }
    return all.filter((one) => one.includes("tank-")).toSorted();
  };
  for (const url of [hel.url, origin]) await becomes(expected, () => found(url), 30_000);
});
