// W1: a fleet of devices with eight number fields. In each round every edge hears from some of them,
// two fields each; then all edges tell the hub, and the hub tells them.

import { Draw } from "../draw.ts";
import { fieldKey, HUB, type Op } from "../system.ts";
import { assertChosen, assertSame } from "../verify.ts";
import { heapOf, snapshotBytes, type Figures, type Stage } from "../stage.ts";

/** Fields of a device, with the decimals of their values. */
const FIELDS: readonly (readonly [name: string, decimals: number])[] = [
  ["temp", 1],
  ["hum", 0],
  ["pres", 1],
  ["volt", 1],
  ["amps", 2],
  ["flow", 1],
  ["rpm", 0],
  ["level", 0],
];
export const START_MS: number = Date.UTC(2026, 10, 21);
export const ROUND_MS = 60_000;
const FIELDS_A_REPORT = 2;
/** How far a value moves at most, in units of its last digit. */
const STEP_MAX = 3;
const EDGES = 5;

export const FLEET_EDGES: readonly string[] = ["hel", "fra", "iad", "sin", "syd"];

/** The values of a fleet as they are agreed on, and what devices report next. */
export class Fleet {
  readonly draw: Draw;
  readonly devices: readonly string[];
  #values = new Map<string, number>();

  constructor(devices: number, seed: number) {
    this.draw = new Draw(seed);
    this.devices = Array.from({ length: devices }, (_, i) => `pump-${i}`);
  }

  get values(): ReadonlyMap<string, number> {
    return this.#values;
  }

  /** The first report of every device. */
  first(): Op[] {
    return this.devices.map((device) => ({
      kind: "report",
      atMs: START_MS,
      device,
      fields: FIELDS.map(([name, decimals]) => [name, this.draw.below(10_000) / 10 ** decimals]),
    }));
  }

  /** A device reports some of its fields, each a little off what it was; never what it was. */
  report(device: number, atMs: number, count: number): Op {
    const id = this.devices[device] ?? "";
    const fields = this.draw.distinct(count, FIELDS.length).map((at) => {
      const [name, decimals] = FIELDS[at] ?? ["", 0];
      const held = this.#values.get(fieldKey(id, name)) ?? 0;
      const step = (1 + this.draw.below(STEP_MAX)) * (this.draw.below(2) === 0 ? -1 : 1);
      const units = Math.round(held * 10 ** decimals) + step;
      return [name, units / 10 ** decimals] as const;
    });
    return { kind: "report", atMs, device: id, fields };
  }

  /** Takes over what was agreed on. */
  agree(values: ReadonlyMap<string, number>): void {
    this.#values = new Map(values);
  }

  /** Takes over what one writer reported. */
  note(ops: readonly Op[]): void {
    for (const op of ops)
      if (op.kind === "report")
        for (const [field, value] of op.fields) this.#values.set(fieldKey(op.device, field), value);
  }
}

/** Lets the hub hold a fleet's first reports, and edges learn them from it. */
export async function begin(stage: Stage, fleet: Fleet, edges: number): Promise<void> {
  const { system } = stage;
  const first = fleet.first();
  system.write(HUB, first);
  fleet.note(first);
  for (let edge = 0; edge < edges; edge += 1) await system.resync(edge, START_MS);
  for (let edge = 0; edge < edges; edge += 1) assertSame(system.fields(edge), fleet.values);
}

export async function runFleet(stage: Stage): Promise<Figures> {
  const { sizes, meter } = stage;
  const fleet = new Fleet(sizes.devices, 1);
  const heap = heapOf();
  await stage.open([...FLEET_EDGES, "gru"]);
  const { system } = stage;
  await begin(stage, fleet, EDGES);
  for (let round = 0; round < sizes.rounds; round += 1) {
    const fromMs = START_MS + (round + 1) * ROUND_MS;
    const candidates = new Map<string, number[]>();
    for (let edge = 0; edge < EDGES; edge += 1) {
      const devices = fleet.draw.distinct(sizes.reports, sizes.devices);
      const times = fleet.draw.moments(sizes.reports, fromMs, ROUND_MS);
      const ops = devices.map((device, i) => fleet.report(device, times[i] ?? 0, FIELDS_A_REPORT));
      noteCandidates(candidates, ops);
      meter.work(() => system.write(edge, ops));
    }
    const nowMs = fromMs + ROUND_MS;
    for (let edge = 0; edge < EDGES; edge += 1) await meter.send(() => system.up(edge, nowMs));
    for (let edge = 0; edge < EDGES; edge += 1) await meter.send(() => system.down(edge, nowMs));
    const agreed = system.fields(HUB);
    assertChosen(agreed, fleet.values, candidates);
    for (let edge = 0; edge < EDGES; edge += 1) assertSame(system.fields(edge), agreed);
    fleet.agree(agreed);
    stage.tick(`round ${round + 1} of ${sizes.rounds}`);
  }
  const heapBytes = heap();
  const boot = stage.newMeter();
  await boot.send(() => system.resync(EDGES, START_MS + (sizes.rounds + 2) * ROUND_MS));
  assertSame(system.fields(EDGES), fleet.values);
  return {
    ...stage.traffic(),
    heapBytes,
    bootBytes: boot.bytes,
    snapshotBytes: snapshotBytes(system),
  };
}

function noteCandidates(candidates: Map<string, number[]>, ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.kind !== "report") continue;
    for (const [field, value] of op.fields) {
      const key = fieldKey(op.device, field);
      candidates.set(key, [...(candidates.get(key) ?? []), value]);
    }
  }
}
