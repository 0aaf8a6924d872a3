// Does a command reach its device, and its answer whoever gave it? Two regions on bare workerd and an
// origin under Miniflare: given at the origin, given at an edge that has no origin, waited for, too
// late, and everything that is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, becomes, outcomeOf, type Asked, type Told } from "../support/ask.ts";
import { runShown, shownCommands } from "../support/documents.ts";
import { openRegions } from "../support/open-world.ts";

const { stateDir, world } = await openRegions("commands", 2);
const admin = await world.operatorToken("admin");
const reader = await world.operatorToken("read");
const [hel, tll] = [world.region("hel"), world.region("tll")];
const origin = world.origin.url;

interface Command {
  readonly id: string;
  readonly state: string;
}

/** Registers a device, and gives its token. */
async function enroll(device: string): Promise<string> {
  const told = await ask("POST", `${origin}/v1/devices`, { token: admin, body: { device } });
  assert.equal(told.status, 201);
  return world.deviceToken(device);
}

const at = (device: string, id = ""): string =>
  `/v1/devices/${device}/commands${id === "" ? "" : `/${id}`}`;

const give = (url: string, device: string, body: unknown): Promise<Told> =>
  ask("POST", url + at(device), { token: admin, body });

const say = (url: string, device: string, id: string, token: string, body: unknown) =>
  ask("POST", url + at(device, id), { token, body });

async function fetched(url: string, device: string, token: string, wait = 0): Promise<string[]> {
  const { status, json } = await ask("GET", `${url}${at(device)}?wait=${wait}`, { token });
  assert.equal(status, 200, JSON.stringify(json));
  return (json["commands"] as Command[]).map(({ id, state }) => `${id} ${state}`);
}

await enroll("pump-1");
const variables = { ADMIN: admin, DEVICE: await world.deviceToken("pump-1") };
for (const { command, answer } of shownCommands("docs/commands.md")) {
  test(`commands.md: $ ${command.slice(0, 80)}`, () => {
    const hosts = { "localhost:8787": hel.url, "localhost:8790": origin };
    assert.deepEqual(...runShown({ command, answer }, variables, hosts, stateDir));
  });
}

test("a command from the origin reaches a device that waits, and its answer comes back", async () => {
  const boat = await enroll("boat-1");
  const waiting = fetched(tll.url, "boat-1", boat, 20);
  await sleep(300);
  const given = await give(origin, "boat-1", { id: "c1", name: "reboot" });
  assert.deepEqual([given.status, given.json["state"]], [201, "queued"]);
  assert.deepEqual(await waiting, ["c1 sent"]);
  const accepted = await say(tll.url, "boat-1", "c1", boat, { state: "accepted" });
  assert.deepEqual([accepted.status, accepted.json["state"]], [200, "accepted"]);
  assert.deepEqual(await fetched(tll.url, "boat-1", boat), []);
  const done = await say(tll.url, "boat-1", "c1", boat, { state: "done", result: { took: 3 } });
  assert.equal(done.status, 200);
  for (const url of [origin, hel.url])
    await becomes(["c1 done"], () => fetched(url, "boat-1", admin));
  const { json } = await ask("GET", origin + at("boat-1"), { token: reader });
  const [held] = json["commands"] as { result: unknown; reached: object }[];
  assert.deepEqual(held?.result, { took: 3 });
  assert.deepEqual(Object.keys(held?.reached ?? {}).toSorted(), [
    "accepted",
    "done",
    "queued",
    "sent",
  ]);
});

test("a command that is given in the region wakes who waits there at once", async () => {
  const boat = await enroll("boat-2");
  const startedMs = performance.now();
  const waiting = fetched(hel.url, "boat-2", boat, 20);
  await sleep(200);
  assert.equal((await give(hel.url, "boat-2", { id: "c1", name: "reboot" })).status, 201);
  assert.deepEqual(await waiting, ["c1 sent"]);
  assert.ok(performance.now() - startedMs < 1_500);
  // Whoever fetches without answering gets it again.
  assert.deepEqual(await fetched(hel.url, "boat-2", boat, 20), ["c1 sent"]);
  const failed = { state: "failed", result: "no such valve" };
  assert.equal((await say(hel.url, "boat-2", "c1", boat, failed)).status, 200);
  const emptyMs = performance.now();
  assert.deepEqual(await fetched(hel.url, "boat-2", boat, 1), []);
  assert.ok(performance.now() - emptyMs >= 900);
});

test("P6 with the origin away commands are given and answered in the region, and meet the others later", async () => {
  const boat = await enroll("boat-3");
  hel.link.cut();
  assert.equal((await give(hel.url, "boat-3", { id: "e1", name: "reboot" })).status, 201);
  assert.equal((await give(hel.url, "boat-3", { id: "e1", name: "reboot" })).status, 200);
  assert.equal((await give(origin, "boat-3", { id: "o1", name: "reboot" })).status, 201);
  assert.equal((await give(origin, "boat-3", { id: "o2", name: "reboot", ttl: 1 })).status, 201);
  assert.deepEqual(await fetched(hel.url, "boat-3", boat), ["e1 sent"]);
  assert.equal((await say(hel.url, "boat-3", "e1", boat, { state: "done" })).status, 200);
  await hel.edge.kill();
  await hel.edge.resume();
  assert.deepEqual(await fetched(hel.url, "boat-3", reader), ["e1 done"]);
  await sleep(1_000);
  hel.link.heal();
  await becomes(["o1 sent"], () => fetched(hel.url, "boat-3", boat, 5), 20_000);
  const all = ["e1 done", "o1 sent", "o2 expired"];
  for (const url of [origin, hel.url, tll.url])
    await becomes(all, async () => (await fetched(url, "boat-3", reader)).toSorted());
});

test("past its time a command is not given, and may not be begun", async () => {
  const boat = await enroll("boat-4");
  assert.equal((await give(hel.url, "boat-4", { id: "c1", name: "reboot", ttl: 1 })).status, 201);
  assert.deepEqual(await fetched(hel.url, "boat-4", boat), ["c1 sent"]);
  await sleep(1_100);
  assert.deepEqual(await fetched(hel.url, "boat-4", boat), []);
  assert.deepEqual(await fetched(hel.url, "boat-4", reader), ["c1 expired"]);
  const begun = await say(hel.url, "boat-4", "c1", boat, { state: "accepted" });
  assert.equal(outcomeOf(begun), "409 command-expired");
  assert.equal((await say(hel.url, "boat-4", "c1", boat, { state: "done" })).status, 200);
});

test("P9 what is wrong with a request is named, and nothing is given", async () => {
  const boat = await enroll("boat-5");
  const other = await world.deviceToken("boat-6");
  const url = hel.url + at("boat-5");
  const body = { id: "c1", name: "reboot" };
  const post = (asked: Asked, target = url) => ask("POST", target, { token: admin, ...asked });
  assert.equal((await post({ body })).status, 201);
  assert.equal((await say(hel.url, "boat-5", "c1", boat, { state: "done" })).status, 200);
  const own = { token: boat };
  const wrong: readonly (readonly [string, Promise<Told>])[] = [
    ["400 malformed", post({ body: "{" })],
    ["400 malformed", post({ body: {} })],
    ["400 malformed", post({ body: { ...body, ttl: -1 } })],
    ["400 malformed", post({ body: { ...body, expires: "soon" } })],
    ["400 malformed", post({ body: { ...body, payload: "x".repeat(3_000) } })],
    ["400 malformed", post({ body: { name: 7 } }, origin + at("boat-5"))],
    ["400 malformed", post({ ...own, body: { state: "sent" } }, `${url}/c1`)],
    ["400 device-name", post({ body }, `${hel.url}/v1/devices/a%20b/commands`)],
    ["400 wait", ask("GET", `${url}?wait=26`, own)],
    ["400 wait", ask("GET", `${url}?wait=x`, own)],
    ["401 token-no-token", ask("POST", url, { body })],
    ["401 token-no-token", ask("GET", url)],
    ["403 forbidden", post({ token: reader, body })],
    ["403 forbidden", post({ ...own, body })],
    ["403 forbidden", ask("GET", url, { token: other })],
    ["403 forbidden", post({ token: other, body: { state: "done" } }, `${url}/c1`)],
    ["404 command-unknown", post({ ...own, body: { state: "done" } }, `${url}/c9`)],
    ["404 device-not-registered", post({ body }, origin + at("boat-9"))],
    ["404 device-not-registered", ask("GET", origin + at("boat-9"), { token: admin })],
    ["405 method-not-allowed", ask("PUT", url, { token: admin, body })],
    ["405 method-not-allowed", ask("GET", `${url}/c1`, own)],
    ["409 command-taken", post({ body: { ...body, payload: 1 } })],
    ["409 command-over", post({ ...own, body: { state: "failed" } }, `${url}/c1`)],
    ["413 too-large", post({ body: { ...body, payload: "x".repeat(20_000) } })],
    ["415 unsupported-media-type", post({ body: "name=reboot", type: "text/plain" })],
    ["415 unsupported-media-type", post({ body: "{}", type: "" }, origin + at("boat-5"))],
  ];
  for (const [expected, asking] of wrong) {
    const told = await asking;
    assert.equal(outcomeOf(told), expected, JSON.stringify(told.json));
    assert.ok(String(told.json["detail"]).length > 10);
  }
  for (let i = 0; i < 32; i += 1)
    assert.equal((await post({ body: { name: "reboot" } })).status, 201);
  assert.equal(outcomeOf(await post({ body: { name: "reboot" } })), "409 commands-full");
  assert.equal((await fetched(hel.url, "boat-5", reader)).length, 33);
});
