// What is the fleet made of? Devices with a start within the period, a jitter, a clock of their own;
// some repeat batches, some roam. Pure: the same plan gives the same fleet.

import { LaunchError } from "../launcher/launch-error.ts";

/** What is asked of the fleet as a whole. */
export interface FleetPlan {
  readonly devices: number;
  /** Readings a second, of all devices together. */
  readonly rate: number;
  /** Readings of a batch, at least one time of `STREAMS`. */
  readonly batchReadings: number;
  /** The share of batches that is sent again although it was answered, 0 to 1. */
  readonly duplicates: number;
  /** How many edges there are. */
  readonly edges: number;
  /** The first part of every device's name. */
  readonly prefix: string;
}

/** One device of the fleet. */
export interface FleetDevice {
  readonly name: string;
  /** The number that its own chances are drawn with. */
  readonly seed: number;
  /** Which edge it begins with. */
  readonly edge: number;
  /** Goes to another edge now and then. */
  readonly isRoaming: boolean;
  readonly duplicates: number;
  readonly periodMs: number;
  /** When its first batch is due, after the fleet's start. */
  readonly firstMs: number;
  /** How far its clock is ahead (+) or behind (-), and by how much more each second. */
  readonly clockAheadMs: number;
  readonly driftMsPerS: number;
  /** Times of a batch; each has a reading of every stream. */
  readonly rows: number;
}

/** What each device measures. */
export const STREAMS = ["depth_m", "water_c"] as const;
const ROAMING_SHARE = 0.2;
const WRONG_CLOCK_SHARE = 0.3;
/** Edges quarantine what is five minutes ahead: such clocks are not what is counted here. */
const CLOCK_AHEAD_MS_MAX = 30_000;
const DRIFT_MS_PER_S_MAX = 0.2;
/** A time is a whole millisecond, and a device's clock gives each once. */
const ROWS_PER_S_MAX = 500;

/** Draws the fleet of a plan, or says why there can be none. */
export function drawFleet(plan: FleetPlan): readonly FleetDevice[] {
  const rows = Math.max(1, Math.round(plan.batchReadings / STREAMS.length));
  const periodMs = (plan.devices * rows * STREAMS.length * 1_000) / plan.rate;
  if (rows / (periodMs / 1_000) > ROWS_PER_S_MAX) {
    const readings = ROWS_PER_S_MAX * STREAMS.length;
    throw new LaunchError(
      `A device measures at most ${readings} readings a second: use more --devices or a lower --rate`,
    );
  }
  const chance = drawWith(plan.devices * 31 + plan.rate);
  const width = String(plan.devices - 1).length;
  return Array.from({ length: plan.devices }, (_, index): FleetDevice => {
    const hasWrongClock = chance() < WRONG_CLOCK_SHARE;
    return {
      name: `${plan.prefix}-${String(index).padStart(width, "0")}`,
      seed: Math.floor(chance() * 2 ** 32),
      edge: index % plan.edges,
      isRoaming: plan.edges > 1 && chance() < ROAMING_SHARE,
      duplicates: plan.duplicates,
      periodMs,
      firstMs: chance() * periodMs,
      clockAheadMs: hasWrongClock ? Math.round((chance() * 2 - 1) * CLOCK_AHEAD_MS_MAX) : 0,
      driftMsPerS: hasWrongClock ? (chance() * 2 - 1) * DRIFT_MS_PER_S_MAX : 0,
      rows,
    };
  });
}

/** Draws numbers from 0 to 1 with a seed (mulberry32). */
export function drawWith(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
