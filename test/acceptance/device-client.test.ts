// Does the origin count every reading that the example device has kept, each once, whatever is killed?
//
// Goal: the device's promise. Kept is kept: a batch that was on its disk is at the origin in the end.
// Method: the device is killed again and again while it measures and sends, and so are its edges,
// and its line is cut and stalled; what it kept is read from what it said and from its log.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { nameOf, readingsOf, type Batch } from "../../examples/device/skerry-device/batch.ts";
import { BatchLog } from "../../examples/device/skerry-device/batch-log.ts";
import {
  Device,
  type DeviceEvent,
  type DeviceOptions,
} from "../../examples/device/skerry-device/device.ts";
import { Link } from "../../tools/launcher/link.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { openWorld } from "../../tools/launcher/world.ts";
import { RunningTool } from "../support/run-tool.ts";

const CYCLES = 16;
/** The device itself is killed every so many cycles. */
const CLIENT_EVERY = 2;
const END_MS_MAX = 30_000;

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-boat-"));
const world = await openWorld({
  stateDir: path.join(dir, "state"),
  basePort: 0,
  regions: DEFAULT_REGIONS.slice(0, 2),
});
const near = world.region("hel");
const far = world.region("tll");
const line = await Link.open(0, near.edge.port);
after(async () => {
  await line.close();
  await world.close();
  rmSync(dir, { recursive: true, force: true });
});

const program = new URL(import.meta.resolve("../../examples/device/main.ts")).pathname;
const lineUrl = `http://127.0.0.1:${line.port}`;

interface Totals {
  readonly count: number;
  readonly sum: string;
}

/** What the region or the origin at `url` counts of a device, by stream. */
async function countedAt(url: string, device: string): Promise<Readonly<Record<string, Totals>>> {
  const response = await fetch(`${url}/v1/devices/${device}`, {
    headers: { authorization: `Bearer ${await world.operatorToken("read")}` },
  });
  return ((await response.json()) as { streams?: Record<string, Totals> }).streams ?? {};
}

/** What the batches hold, by stream; sums in thousandths, so that they are exact. */
function truthOf(kept: Iterable<Batch>): Record<string, { count: number; thousandths: number }> {
  const truth: Record<string, { count: number; thousandths: number }> = {};
  for (const { series } of kept) {
    for (const [stream, column] of Object.entries(series)) {
      const total = (truth[stream] ??= { count: 0, thousandths: 0 });
      for (const value of column) {
        if (value === null) continue;
        total.count += 1;
        total.thousandths += Math.round(Number(value) * 1_000);
      }
    }
  }
  return truth;
}

async function assertCountedOnce(device: string, kept: Iterable<Batch>): Promise<void> {
  const truth = truthOf(kept);
  assert.ok(Object.keys(truth).length > 0);
  let found: typeof truth = {};
  for (let tries = 0; tries < 200; tries += 1) {
    const counted = Object.entries(await countedAt(world.origin.url, device));
    found = Object.fromEntries(
      counted.map(([stream, { count, sum }]) => [
        stream,
        { count, thousandths: Math.round(Number(sum) * 1_000) },
      ]),
    );
    const total = (of: typeof truth) =>
      Object.values(of).reduce((sum, { count }) => sum + count, 0);
    if (total(found) >= total(truth)) break;
    await sleep(50);
  }
  assert.deepEqual(found, truth);
}

/** Reads the batches of a log without touching it. */
function batchesIn(folder: string): Batch[] {
  const copy = path.join(dir, "copy.log");
  copyFileSync(path.join(folder, "batches.log"), copy);
  const log = new BatchLog({ file: copy, bytesMax: 2 ** 30, whenFull: "refuse" });
  const batches: Batch[] = [];
  for (let batch = log.oldest(); batch !== null; batch = log.oldest()) {
    batches.push(batch);
    log.settle(nameOf(batch));
  }
  log.close();
  return batches;
}

function eventsOf({ output }: RunningTool): readonly (DeviceEvent | { event: "ended" })[] {
  // The last line of a process that was killed may be half a line.
  const lines = output.slice(0, output.lastIndexOf("\n") + 1).split("\n");
  return lines
    .filter((text) => text.startsWith("{"))
    .map((text) => JSON.parse(text) as DeviceEvent);
}

async function startDevice(device: string, edges: readonly string[], ...more: readonly string[]) {
  const env = { SKERRY_TOKEN: await world.deviceToken(device) };
  const named = ["--device", device, ...edges.flatMap((url) => ["--edge", url])];
  return new RunningTool(process.execPath, [program, ...named, "--json", ...more], env);
}

/** One fault of the edges or of the line, and its end. */
const FAULTS: readonly (() => Promise<void>)[] = [
  async () => {
    await near.edge.kill();
    await sleep(150);
    await near.edge.resume();
  },
  async () => {
    line.cut();
    await sleep(250);
    line.heal();
  },
  async () => {
    line.cut();
    await far.edge.kill();
    await sleep(300);
    await far.edge.resume();
    line.heal();
  },
  async () => {
    line.stall();
    await sleep(500);
    line.heal();
  },
];

test(`${CYCLES} faults, and the device is killed every second time: what it kept counts once`, async () => {
  const device = "boat-killed";
  const folder = path.join(dir, device);
  const speed = ["--period", "4", "--batch", "30", "--age", "50", "--buffer", folder];
  const patience = ["--timeout", "300", "--retry-max", "100", "--grace", "20000"];
  const start = () => startDevice(device, [lineUrl, far.url], ...speed, ...patience);
  const kept = new Map<string, Batch>();
  const seen: (DeviceEvent | { event: "ended" })[] = [];
  const learn = (tool: RunningTool) => {
    const events = eventsOf(tool);
    seen.push(...events);
    for (const event of events) {
      if (event.event === "kept") kept.set(nameOf(event.batch), event.batch);
    }
    for (const batch of batchesIn(folder)) kept.set(nameOf(batch), batch);
  };
  let tool = await start();
  await tool.until(/"sent"/, END_MS_MAX);
  for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
    const fault = FAULTS[cycle % FAULTS.length]?.();
    await sleep(Math.random() * 300);
    if (cycle % CLIENT_EVERY === 0) {
      await tool.child.kill();
      learn(tool);
      tool = await start();
    }
    await fault;
    await sleep(Math.random() * 200);
  }
  await tool.until(/"opened"/, END_MS_MAX);
  tool.child.signal("SIGTERM");
  assert.equal((await tool.end(END_MS_MAX)).exitCode, 0);
  learn(tool);

  const of = (event: string) => seen.filter((one) => one.event === event);
  assert.deepEqual([batchesIn(folder).length, of("refused").length], [0, 0]);
  assert.match(tool.output, /\{"event":"ended","batches":0,"readings":0,"refused":0\}\n$/);
  assert.ok(of("opened").length > CYCLES / CLIENT_EVERY / 2, "it was killed before it began");
  assert.ok(of("again").length > 0, "no fault hit a request");
  const regions = seen.flatMap((one) => (one.event === "sent" ? [one.region] : []));
  assert.deepEqual([...new Set(regions)].toSorted(), ["hel", "tll"], "no fail-over");
  await assertCountedOnce(device, kept.values());
  const readings = [...kept.values()].reduce((sum, batch) => sum + readingsOf(batch), 0);
  console.log(JSON.stringify({ readings, batches: kept.size, again: of("again").length }));
});

test("SIGTERM: what was measured is kept, and sent when the edge is back", async () => {
  const device = "boat-told";
  const folder = path.join(dir, device);
  const quick = ["--period", "10", "--buffer", folder, "--retry-max", "50"];
  const away = await startDevice(device, ["http://127.0.0.1:9"], ...quick, "--grace", "100");
  await away.until(/"opened"/, END_MS_MAX);
  await sleep(200);
  away.child.signal("SIGTERM");
  assert.equal((await away.end(END_MS_MAX)).exitCode, 0);
  const kept = batchesIn(folder);
  assert.equal(kept.length, 1);
  const back = await startDevice(device, [far.url], ...quick, "--samples", "3");
  assert.equal((await back.end(END_MS_MAX)).exitCode, 0);
  for (const event of eventsOf(back)) if (event.event === "kept") kept.push(event.batch);
  assert.deepEqual([kept.length, batchesIn(folder).length], [2, 0]);
  await assertCountedOnce(device, kept);
});

async function openDevice(device: string, more: Partial<DeviceOptions> = {}) {
  const folder = path.join(dir, device);
  mkdirSync(folder, { recursive: true });
  const token = await world.deviceToken(device);
  const events: DeviceEvent[] = [];
  const opened = await Device.open({
    device,
    edges: [far.url],
    token: () => token,
    folder,
    backOff: { firstMs: 5, maxMs: 20 },
    onEvent: (event) => events.push(event),
    ...more,
  });
  return { opened, events, folder };
}

const T0 = 1_790_000_000_000;

test("409: two starts that drew the same boot, and both keep their readings", async () => {
  const boots = ["same", "same", "another"];
  const drawBoot = () => boots.shift() ?? "none";
  for (const [at, value] of [1, 2].entries()) {
    const { opened, events } = await openDevice("boat-twin", { drawBoot });
    opened.record({ depth_m: value }, T0 + at);
    await opened.close(END_MS_MAX);
    const renamed = events.flatMap((one) => (one.event === "renamed" ? [one.to] : []));
    assert.deepEqual(renamed, at === 0 ? [] : ["another/1"]);
  }
  await assertCountedOnce("boat-twin", [
    { boot: "", seq: 0, t: [T0, T0 + 1], series: { depth_m: [1, 2] } },
  ]);
});

test("413: a batch that is too large is split until it fits", async () => {
  const { opened, events } = await openDevice("boat-large", { batchReadings: 24_000 });
  for (let at = 0; at < 24_000; at += 1) opened.record({ depth_m: 1 }, T0 + at);
  await opened.close(END_MS_MAX);
  assert.equal(events.filter(({ event }) => event === "split").length, 3);
  const t = Array.from({ length: 24_000 }, (_, at) => T0 + at);
  await assertCountedOnce("boat-large", [
    { boot: "", seq: 0, t, series: { depth_m: t.map(() => 1) } },
  ]);
});

test("422 and rejected readings are set aside and told, and the others are stored", async () => {
  const { opened, events, folder } = await openDevice("boat-odd");
  opened.record({ depth_m: 3, "Depth!": 4 }, T0);
  opened.flush();
  opened.record({ "Depth!": 5 }, T0 + 1);
  await opened.close(END_MS_MAX);
  const told = events.flatMap((one) => (one.event === "set-aside" ? [one.readings] : []));
  assert.deepEqual(told, [1, 1]);
  const aside = readFileSync(path.join(folder, "set-aside.ndjson"), "utf8").trimEnd().split("\n");
  const values = aside.map((text) => JSON.parse(text) as { readings: { value: number }[] });
  assert.deepEqual(
    values.map(({ readings }) => readings.map(({ value }) => value)),
    [[4], [5]],
  );
  await assertCountedOnce("boat-odd", [{ boot: "", seq: 0, t: [T0], series: { depth_m: [3] } }]);
});

test("401 and 403: the readings wait until there is a good token in the file", async () => {
  const file = path.join(dir, "token");
  writeFileSync(file, "not-a-token");
  const token = () => readFileSync(file, "utf8");
  const { opened, events } = await openDevice("boat-token", { token });
  opened.record({ depth_m: 3 }, T0);
  opened.flush();
  const refused = (status: number) =>
    events.some((one) => one.event === "again" && one.why.startsWith(String(status)));
  while (!refused(401)) await sleep(5);
  writeFileSync(file, await world.deviceToken("another-boat"));
  while (!refused(403)) await sleep(5);
  assert.equal(opened.buffer.readings, 1);
  writeFileSync(file, await world.deviceToken("boat-token"));
  await opened.close(END_MS_MAX);
  assert.equal(opened.buffer.readings, 0);
  await assertCountedOnce("boat-token", [{ boot: "", seq: 0, t: [T0], series: { depth_m: [3] } }]);
});
