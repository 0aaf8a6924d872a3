// What does one device of the fleet do? It posts a batch each period, again until it is
// acknowledged, sometimes once more although it was; if it roams, to one edge and then another.

import { setTimeout as sleep } from "node:timers/promises";
import { LaunchError } from "../launcher/launch-error.ts";
import type { FleetDevice } from "./fleet.ts";
import { Measuring, type SimulatedBatch } from "./measuring.ts";
import type { Post } from "./poster.ts";
import type { ReadingCounts, Tally } from "./tally.ts";

/** What the devices of a run have in common. */
export interface Waters {
  readonly edges: readonly string[];
  readonly poster: Post;
  readonly tally: Tally;
  /** Aborted when no new batch is to be begun. */
  readonly ending: AbortSignal;
  /** Aborted when also the last tries are over, or the run has failed. */
  readonly over: AbortSignal;
}

/** A device that has sailed. */
export interface Sailed {
  readonly name: string;
  readonly measuring: Measuring;
}

/** How far a batch may be from its due time, as a share of the period. */
const JITTER = 0.2;
const ROAM_CHANCE = 0.1;
/** A roaming device goes elsewhere after so many tries. */
const ROAM_AFTER_TRIES = 3;
const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 1_000;
/** Answers that may be another one soon; 0 is none. */
const PASSING: ReadonlySet<number> = new Set([0, 429, 500, 502, 503, 504]);

/** Lets a device sail until the end. */
export async function sail(device: FleetDevice, token: string, waters: Waters): Promise<Sailed> {
  const { ending, over, tally } = waters;
  const startMs = Date.now();
  const measuring = new Measuring(device, `sim-${startMs.toString(36)}`, startMs);
  const route = new Route(device, token, waters);
  let dueMs = performance.now() + device.firstMs;
  await pause(device.firstMs, ending);
  while (!ending.aborted) {
    const batch = measuring.next(Date.now());
    const readings = countOf(batch);
    if (await route.deliver(batch, measuring)) {
      measuring.acknowledge(batch);
      tally.delivered += readings;
      if (measuring.chance() < device.duplicates) await route.repeat(batch, measuring);
    } else {
      tally.undelivered += readings;
    }
    if (over.aborted) break;
    // One that has fallen behind does not make up for it: that would be another rate.
    dueMs = Math.max(performance.now(), dueMs + device.periodMs);
    const jitterMs = (measuring.chance() - 0.5) * 2 * JITTER * device.periodMs;
    await pause(dueMs + jitterMs - performance.now(), ending);
  }
  return { name: device.name, measuring };
}

/** Where a device posts to. */
class Route {
  readonly #device: FleetDevice;
  readonly #token: string;
  readonly #waters: Waters;
  #edge: number;

  constructor(device: FleetDevice, token: string, waters: Waters) {
    this.#device = device;
    this.#token = token;
    this.#waters = waters;
    this.#edge = device.edge;
  }

  /** Posts a batch until it is acknowledged; false if the run ended before. */
  async deliver(batch: SimulatedBatch, measuring: Measuring): Promise<boolean> {
    const { tally, over, poster } = this.#waters;
    if (this.#device.isRoaming && measuring.chance() < ROAM_CHANCE) this.#roam();
    for (let tries = 1; !over.aborted; tries += 1) {
      const body = JSON.stringify({ ...batch, sent: measuring.clockAt(Date.now()) });
      const answer = await poster.post(this.#url(), this.#token, body);
      tally.requests += 1;
      if (answer.status === 200) {
        tally.add(JSON.parse(answer.text) as ReadingCounts, countOf(batch), answer.tookMs);
        return true;
      }
      if (!PASSING.has(answer.status)) {
        throw new LaunchError(
          `${this.#url().href} gave ${answer.status}: ${answer.text.slice(0, 300)}`,
        );
      }
      const { retryAfterMs } = answer;
      if (retryAfterMs === null) tally.failed += 1;
      else tally.refused += 1;
      const boundMs = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** tries);
      await pause((retryAfterMs ?? 0) + measuring.chance() * boundMs, over);
      if (this.#device.isRoaming && tries % ROAM_AFTER_TRIES === 0) this.#roam();
    }
    return false;
  }

  /** Posts a batch once more as one that did not hear the answer; if it roams, to another edge. */
  async repeat(batch: SimulatedBatch, measuring: Measuring): Promise<void> {
    if (this.#device.isRoaming) this.#roam();
    await this.deliver(batch, measuring);
  }

  #roam(): void {
    this.#edge = (this.#edge + 1) % this.#waters.edges.length;
  }

  #url(): URL {
    return new URL(`/v1/devices/${this.#device.name}/readings`, this.#waters.edges[this.#edge]);
  }
}

function countOf({ series }: SimulatedBatch): number {
  return Object.values(series).reduce((sum, { length }) => sum + length, 0);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}
