// What does a simulated device measure? A walk of depth and temperature on its own clock, and what
// of it was acknowledged: the truth that the origin's totals are compared with.

import { drawWith, STREAMS, type FleetDevice } from "./fleet.ts";

type StreamName = (typeof STREAMS)[number];

/** A batch in columns, as the edge takes it. */
export interface SimulatedBatch {
  readonly boot: string;
  readonly seq: number;
  readonly t: readonly number[];
  readonly series: Readonly<Record<StreamName, readonly number[]>>;
}

/** What a stream of a device came to; the sum in hundredths, so that it is exact. */
export interface StreamTotal {
  readonly count: number;
  readonly hundredths: number;
}

/** The instruments and the clock of one device. */
export class Measuring {
  readonly #device: FleetDevice;
  readonly #boot: string;
  readonly #startMs: number;
  readonly #chance: () => number;
  readonly #values: Record<StreamName, number> = { depth_m: 1_200, water_c: 1_400 };
  readonly #totals: Record<StreamName, StreamTotal> = {
    depth_m: { count: 0, hundredths: 0 },
    water_c: { count: 0, hundredths: 0 },
  };
  #lastMs: number;
  #seq = 0;

  /** Begins to measure at `startMs`, epoch milliseconds of a right clock. */
  constructor(device: FleetDevice, boot: string, startMs: number) {
    this.#device = device;
    this.#boot = boot;
    this.#startMs = startMs;
    this.#chance = drawWith(device.seed);
    this.#lastMs = this.clockAt(startMs);
  }

  /** What the device's clock shows at `nowMs`. */
  clockAt(nowMs: number): number {
    const { clockAheadMs, driftMsPerS } = this.#device;
    return Math.floor(nowMs + clockAheadMs + ((nowMs - this.#startMs) / 1_000) * driftMsPerS);
  }

  /** Draws a chance of this device: from 0 to 1. */
  chance(): number {
    return this.#chance();
  }

  /** Makes the next batch: rows evenly between the one before and now, no time twice. */
  next(nowMs: number): SimulatedBatch {
    const { rows } = this.#device;
    const sinceMs = this.#lastMs;
    const spanMs = Math.max(rows, this.clockAt(nowMs) - sinceMs);
    const t = Array.from({ length: rows }, (_, row) =>
      Math.floor(sinceMs + ((row + 1) * spanMs) / rows),
    );
    this.#lastMs = t.at(-1) ?? sinceMs;
    this.#seq += 1;
    const walk = (stream: StreamName) => t.map(() => this.#step(stream) / 100);
    const series = { depth_m: walk("depth_m"), water_c: walk("water_c") };
    return { boot: this.#boot, seq: this.#seq, t, series };
  }

  /** Notes that an edge has a batch. Called once for each batch, however often it was sent. */
  acknowledge({ series }: SimulatedBatch): void {
    for (const stream of STREAMS) {
      const { count, hundredths } = this.#totals[stream];
      const sum = series[stream].reduce((total, value) => total + Math.round(value * 100), 0);
      this.#totals[stream] = {
        count: count + series[stream].length,
        hundredths: hundredths + sum,
      };
    }
  }

  /** What was acknowledged, by stream. */
  get totals(): Readonly<Record<StreamName, StreamTotal>> {
    return this.#totals;
  }

  #step(stream: StreamName): number {
    const stepped = this.#values[stream] + Math.round((this.#chance() - 0.5) * 40);
    this.#values[stream] = Math.min(Math.max(stepped, 100), 9_000);
    return this.#values[stream];
  }
}
