// W2: devices count events and the sum of their sizes at five edges; the totals are exact everywhere.

import { Draw } from "../draw.ts";
import { heapOf, snapshotBytes, type Figures, type Stage } from "../stage.ts";
import { HUB, type Op, type Total } from "../system.ts";
import { assertSame } from "../verify.ts";
import { FLEET_EDGES, ROUND_MS, START_MS } from "./fleet.ts";

/** The largest size of an event. */
const SIZE_MAX = 256;

export async function runCounters(stage: Stage): Promise<Figures> {
  const { sizes, meter } = stage;
  const draw = new Draw(2);
  const devices = Array.from({ length: sizes.devices }, (_, i) => `pump-${i}`);
  const totals = new Map<string, Total>();
  const edges = FLEET_EDGES.length;
  const each = sizes.increments / sizes.rounds / edges;
  const heap = heapOf();
  await stage.open(FLEET_EDGES, devices);
  const { system } = stage;
  for (let edge = 0; edge < edges; edge += 1) await system.resync(edge, START_MS);
  for (let round = 0; round < sizes.rounds; round += 1) {
    const fromMs = START_MS + (round + 1) * ROUND_MS;
    for (let edge = 0; edge < edges; edge += 1) {
      const ops = draw.moments(each, fromMs, ROUND_MS).map((atMs): Op => {
        const device = devices[draw.below(devices.length)] ?? "";
        const by = 1 + draw.below(SIZE_MAX);
        const [count, sum] = totals.get(device) ?? [0, 0];
        totals.set(device, [count + 1, sum + by]);
        return { kind: "count", atMs, device, by };
      });
      meter.work(() => system.write(edge, ops));
    }
    const nowMs = fromMs + ROUND_MS;
    for (let edge = 0; edge < edges; edge += 1) await meter.send(() => system.up(edge, nowMs));
    for (let edge = 0; edge < edges; edge += 1) await meter.send(() => system.down(edge, nowMs));
    for (let edge = HUB; edge < edges; edge += 1) assertSame(system.totals(edge), totals);
    stage.tick(`round ${round + 1} of ${sizes.rounds}`);
  }
  const counted = [...system.totals(HUB).values()].reduce((sum, [count]) => sum + count, 0);
  return {
    ...stage.traffic(),
    counted,
    heapBytes: heap(),
    snapshotBytes: snapshotBytes(system),
  };
}
