// The run: fills the edge while the line to the origin is cut, heals it, and looks at the origin while
// devices go on posting. A live reading's lag ends when the origin's answer about its device counts it.

import { setTimeout as sleep } from "node:timers/promises";
import { postBacklog } from "../../tools/kills/backlog.ts";
import type { World, WorldRegion } from "../../tools/launcher/world.ts";
import { Poster } from "../../tools/simulate/poster.ts";
import { percentile } from "../ingest/statistics.ts";
import { countOf } from "./count-of.ts";
import { LiveDevice } from "./live-device.ts";

export interface DrainOptions {
  readonly backlog: number;
  /** Devices that post live readings, and how often each does, in milliseconds. */
  readonly devices: number;
  readonly everyMs: number;
  /** How long it is measured with nothing waiting, after that. */
  readonly restMs: number;
  readonly say: (line: string) => void;
}

/** Lags of batches, from the edge's answer until the origin counts them. */
export interface Lags {
  readonly batches: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface DrainResult {
  readonly backlog: number;
  /** From the line's healing until the origin has all of it. */
  readonly drainMs: number;
  readonly readingsPerS: number;
  /** While it drained; and after that, with nothing waiting. */
  readonly live: Lags;
  readonly atRest: Lags;
  /** Readings, of all, that the origin has too few or too many of in the end. */
  readonly missing: number;
  readonly tooMany: number;
}

const CONNECTIONS = 16;
const BACKLOG_DEVICES = 100;
/** Readings a second that an origin takes in, at the very least; and how long it has at least. */
const DRAIN_RATE_MIN = 10_000;
const DRAIN_MS_MIN = 30_000;
const SETTLE_MS = 10_000;
const LOOK_MS = 50;
const SAY_MS = 2_000;

export async function runDrain(world: World, options: DrainOptions): Promise<DrainResult> {
  const [region] = world.regions;
  if (region === undefined) throw new Error("A world has a region");
  const poster = new Poster(CONNECTIONS);
  const reader = `Bearer ${await world.operatorToken("read")}`;
  try {
    region.link.cut();
    const waiting = await fill(world, region, options, poster);
    const live = await Promise.all(
      Array.from({ length: options.devices }, (_, at) =>
        LiveDevice.open(world, region, `live-${at}`, poster),
      ),
    );
    region.link.heal();
    const healedMs = performance.now();
    const drained = backlogCount(world, reader, waiting.devices, waiting.accepted, options.say);
    const whileDraining = await follow(live, options.everyMs, drained);
    const drainMs = performance.now() - healedMs;
    options.say("The backlog has drained; now without one");
    const atRest = await follow(live, options.everyMs, sleep(options.restMs));
    const counted = await drained;
    const count = waiting.accepted + live.reduce((sum, { posted }) => sum + posted, 0);
    const found = counted + live.reduce((sum, { counted: at }) => sum + at, 0);
    return {
      backlog: waiting.accepted,
      drainMs: Math.round(drainMs),
      readingsPerS: Math.round((waiting.accepted / drainMs) * 1_000),
      live: lagsOf(whileDraining),
      atRest: lagsOf(atRest),
      missing: Math.max(0, count - found),
      tooMany: Math.max(0, found - count),
    };
  } finally {
    poster.close();
  }
}

interface Waiting {
  readonly devices: readonly string[];
  readonly accepted: number;
}

async function fill(
  world: World,
  { url }: WorldRegion,
  { backlog, say }: DrainOptions,
  post: Poster,
): Promise<Waiting> {
  const names = Array.from({ length: BACKLOG_DEVICES }, (_, at) => `waiting-${at}`);
  const devices = await Promise.all(
    names.map(async (id) => ({
      id,
      token: await world.deviceToken(id),
      url: new URL(`${url}/v1/devices/${id}/readings`),
    })),
  );
  let shown = 0;
  const onProgress = (readings: number): void => {
    if (readings - shown < backlog / 10) return;
    shown = readings;
    say(`${readings} of ${backlog} readings wait`);
  };
  const accepted =
    backlog === 0 ? 0 : await postBacklog({ devices, readings: backlog, post, onProgress });
  return { devices: names, accepted };
}

/** Posts and looks until `end`, and until everything posted has arrived; gives the lags. */
async function follow(
  devices: readonly LiveDevice[],
  everyMs: number,
  end: Promise<unknown>,
): Promise<number[]> {
  let isOver = false;
  const over = end.finally(() => (isOver = true));
  over.catch(() => undefined);
  const lags: number[] = [];
  const run = async (device: LiveDevice, at: number): Promise<void> => {
    await sleep((everyMs / devices.length) * at);
    const posting = (async () => {
      while (!isOver) {
        const nextMs = performance.now() + everyMs;
        await device.post();
        await sleep(Math.max(0, nextMs - performance.now()));
      }
    })();
    let untilMs = Infinity;
    while (performance.now() < untilMs && !(isOver && device.isCounted)) {
      await sleep(LOOK_MS);
      lags.push(...(await device.look()));
      if (isOver && untilMs === Infinity) untilMs = performance.now() + SETTLE_MS;
    }
    await posting;
  };
  await Promise.all(devices.map(run));
  await over;
  return lags;
}

/** Waits for the origin to count a backlog; gives what it counts in the end. */
async function backlogCount(
  { origin }: World,
  authorization: string,
  devices: readonly string[],
  backlog: number,
  say: (line: string) => void,
): Promise<number> {
  const untilMs = performance.now() + DRAIN_MS_MIN + (backlog / DRAIN_RATE_MIN) * 1_000;
  let saidMs = performance.now();
  const counts = new Map<string, number>();
  const share = backlog / devices.length;
  for (;;) {
    for (const device of devices) {
      if ((counts.get(device) ?? 0) >= share) continue;
      counts.set(device, await countOf(origin.url, device, authorization));
    }
    const sum = counts.values().reduce((all, count) => all + count, 0);
    if (sum >= backlog || performance.now() > untilMs) return sum;
    if (performance.now() - saidMs > SAY_MS) {
      saidMs = performance.now();
      say(`the origin has ${sum} of ${backlog} readings that waited`);
    }
    await sleep(LOOK_MS * 10);
  }
}

function lagsOf(lags: readonly number[]): Lags {
  const at = (share: number): number => Math.round(percentile(lags, share));
  return { batches: lags.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
