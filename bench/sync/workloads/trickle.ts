// W5: one field changes, and is told at once. An answer is counted apart: it has to say no more than
// that the message arrived.

import { type Figures, type Stage } from "../stage.ts";
import { HUB } from "../system.ts";
import { assertSame } from "../verify.ts";
import { begin, Fleet, START_MS } from "./fleet.ts";

const EVERY_MS = 1_000;

export async function runTrickle(stage: Stage): Promise<Figures> {
  const { sizes, meter } = stage;
  const fleet = new Fleet(sizes.devices, 5);
  await stage.open(["hel"]);
  const { system } = stage;
  await begin(stage, fleet, 1);
  // Names of keys travel once: all have been told before it is weighed.
  const all = fleet.devices.map((_, device) => fleet.report(device, START_MS + 60_000, 8));
  fleet.note(all);
  system.write(0, all);
  await system.up(0, START_MS + 61_000);
  await system.down(0, START_MS + 61_000);
  for (let i = 0; i < sizes.messages; i += 1) {
    const nowMs = START_MS + 120_000 + i * EVERY_MS + fleet.draw.below(EVERY_MS);
    const op = fleet.report(fleet.draw.below(sizes.devices), nowMs, 1);
    fleet.note([op]);
    meter.work(() => system.write(0, [op]));
    await meter.send(() => system.up(0, nowMs + 5));
  }
  assertSame(system.fields(HUB), fleet.values);
  const traffic = stage.traffic();
  return {
    ...traffic,
    bytesAMessage: (traffic["upBytes"] ?? 0) / sizes.messages,
    bytesAnAnswer: (traffic["downBytes"] ?? 0) / sizes.messages,
  };
}
