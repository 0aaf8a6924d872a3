// W3: one edge takes updates alone, then syncs once. Then there is nothing new; then it starts from
// what it has stored while a few keys differ, and once more without knowing where it stood.

import { heapOf, snapshotBytes, type Figures, type Stage } from "../stage.ts";
import { HUB, type Op } from "../system.ts";
import { assertSame } from "../verify.ts";
import { begin, Fleet, START_MS } from "./fleet.ts";

const UPDATE_EVERY_MS = 10;
/** Updates that are made together where a system can. */
const TOGETHER = 100;

export async function runPartition(stage: Stage): Promise<Figures> {
  const { sizes, meter } = stage;
  const fleet = new Fleet(sizes.devices, 3);
  const heap = heapOf();
  await stage.open(["hel"]);
  const { system } = stage;
  await begin(stage, fleet, 1);
  let nowMs = START_MS + 60_000;
  for (let done = 0; done < sizes.updates; done += TOGETHER) {
    const ops: Op[] = [];
    for (let i = 0; i < TOGETHER; i += 1) {
      nowMs += UPDATE_EVERY_MS;
      const op = fleet.report(fleet.draw.below(sizes.devices), nowMs, 1);
      fleet.note([op]);
      ops.push(op);
    }
    meter.work(() => system.write(0, ops));
    if (done % 10_000 === 0) stage.tick(`${done} of ${sizes.updates} updates`);
  }
  const updateCpuS = meter.cpuS;
  nowMs += 1_000;
  await meter.send(() => system.up(0, nowMs));
  await meter.send(() => system.down(0, nowMs));
  for (const replica of [HUB, 0]) assertSame(system.fields(replica), fleet.values);
  const traffic = stage.traffic();
  const heapBytes = heap();
  const noop = stage.newMeter();
  await noop.send(() => system.resync(0, nowMs + 1_000));
  const cold = await startCold(stage, fleet, nowMs + 60_000, false);
  const lost = await startCold(stage, fleet, nowMs + 120_000, true);
  return {
    ...traffic,
    syncCpuS: meter.cpuS - updateCpuS,
    heapBytes,
    noopBytes: noop.bytes,
    coldBytes: cold,
    coldLostBytes: lost,
    snapshotBytes: snapshotBytes(system),
  };
}

/** The hub changes a few keys, the edge starts anew and finds itself again. */
async function startCold(
  stage: Stage,
  fleet: Fleet,
  nowMs: number,
  isLost: boolean,
): Promise<number> {
  const { system, sizes } = stage;
  const devices = fleet.draw.distinct(sizes.differing, sizes.devices);
  const ops = devices.map((device, i) => fleet.report(device, nowMs + i * 100, 1));
  fleet.note(ops);
  system.write(HUB, ops);
  system.reopen(0, isLost);
  const meter = stage.newMeter();
  await meter.send(() => system.resync(0, nowMs + 30_000));
  for (const replica of [HUB, 0]) assertSame(system.fields(replica), fleet.values);
  return meter.bytes;
}
