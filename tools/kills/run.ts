// Does anything get lost or counted twice when processes are killed again and again? Devices post and
// repeat; the edge is killed at random moments, now and then the origin too; in the end the origin must
// have counted every acknowledged reading once.

import { setTimeout as sleep } from "node:timers/promises";
import type { World, WorldRegion } from "../launcher/world.ts";
import { Poster } from "../simulate/poster.ts";
import { BATCH_READINGS, postBacklog } from "./backlog.ts";
import { Sailor } from "./sailor.ts";

export interface KillsOptions {
  readonly kills: number;
  readonly connections: number;
  readonly readingsPerBatch: number;
  /** Readings that wait at the edge, its origin away, while it is killed; 0: the origin is there. */
  readonly backlog: number;
  readonly say: (line: string) => void;
}

/** What came of it. */
export interface KillsResult {
  readonly kills: number;
  readonly batches: number;
  readonly readings: number;
  readonly repeated: number;
  /** Readings that were accepted to wait. */
  readonly backlog: number;
  /** Readings that a restarted edge, or in the end the origin, had too few or too many of. */
  readonly lost: number;
  readonly countedTwice: number;
  /** Devices whose exact sum at the origin is another. */
  readonly wrongSums: number;
  /** From the start of the process to its first answer about a device. */
  readonly restartMs: { readonly median: number; readonly max: number };
  /** How long the origin took to have everything. */
  readonly drainMs: number;
}

/** Every so many kills of the edge, the origin is killed too. */
const ORIGIN_EVERY = 5;
const SAIL_MS_MIN = 60;
const SAIL_MS_SPREAD = 200;
/** Readings a second that an origin takes in, at the very least; and how long it has at least. */
const DRAIN_RATE_MIN = 10_000;
const DRAIN_MS_MIN = 30_000;
const PROGRESS_EVERY = 10;
const BACKLOG_DEVICES = 100;

interface Total {
  readonly count: number;
  readonly sum: string;
}

/** Runs the kills in the first region of a world. */
export async function runKills(world: World, options: KillsOptions): Promise<KillsResult> {
  const region = world.regions[0];
  if (region === undefined) throw new Error("A world has a region");
  const poster = new Poster(options.connections);
  try {
    if (options.backlog > 0) region.link.cut();
    const backlog = await fill(world, region, options, poster);
    const run = await killWhileSailing(world, region, options, poster);
    region.link.heal();
    const end = await judge(world, run.sailors, backlog, options);
    const batches = run.sailors.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    const readings = batches * options.readingsPerBatch;
    const { repeated, restartMs } = run;
    const lost = end.lost + run.lost;
    return { kills: options.kills, batches, readings, repeated, backlog, ...end, lost, restartMs };
  } finally {
    poster.close();
  }
}

async function fill(
  world: World,
  region: WorldRegion,
  { backlog, say }: KillsOptions,
  post: Poster,
): Promise<number> {
  if (backlog === 0) return 0;
  const count = Math.min(BACKLOG_DEVICES, Math.ceil(backlog / BATCH_READINGS));
  const ids = Array.from({ length: count }, (_, at) => `waiting-${at}`);
  const devices = await Promise.all(
    ids.map(async (id) => ({ id, token: await world.deviceToken(id), url: doorOf(region, id) })),
  );
  let shown = 0;
  return postBacklog({
    devices,
    readings: backlog,
    post,
    onProgress(readings) {
      if (readings - shown < backlog / 10) return;
      shown = readings;
      say(`${readings} of ${backlog} readings wait`);
    },
  });
}

interface Sailed {
  readonly sailors: readonly Sailor[];
  readonly repeated: number;
  readonly lost: number;
  readonly restartMs: KillsResult["restartMs"];
}

async function killWhileSailing(
  world: World,
  region: WorldRegion,
  options: KillsOptions,
  post: Poster,
): Promise<Sailed> {
  const { kills, connections, readingsPerBatch, say } = options;
  let repeated = 0;
  let isOver = false;
  const t0 = Date.now() - 3_600_000;
  const sailors = await Promise.all(
    Array.from({ length: connections }, async (_, at) => {
      const device = `killed-${at}`;
      const [token, url] = [await world.deviceToken(device), doorOf(region, device)];
      const onPosted = (isRepetition: boolean): void => void (repeated += Number(isRepetition));
      return new Sailor({ device, token, url, post, readingsPerBatch, t0, onPosted });
    }),
  );
  const sailing = Promise.all(sailors.map((sailor) => sailor.sail(() => isOver)));
  // Looked at in the end; until then a failure must not end the process.
  sailing.catch(() => (isOver = true));
  const restarts: number[] = [];
  let lost = 0;
  for (let kill = 1; kill <= kills && !isOver; kill += 1) {
    await sleep(SAIL_MS_MIN + Math.random() * SAIL_MS_SPREAD);
    const held = sailors.map((sailor) => [sailor, sailor.acknowledged] as const);
    await region.edge.kill();
    if (kill % ORIGIN_EVERY === 0) await world.origin.kill();
    const startMs = performance.now();
    const origin = world.origin.resume();
    await region.edge.resume();
    await totalAt(world, region.url, sailors[0]?.device ?? "");
    restarts.push(performance.now() - startMs);
    await origin;
    for (const [sailor, acknowledged] of held) {
      const total = await totalAt(world, region.url, sailor.device);
      lost += Math.max(0, sailor.totalOf(acknowledged).count - (total?.count ?? 0));
    }
    if (kill % PROGRESS_EVERY === 0)
      say(`${kill} of ${kills} kills, ${repeated} batches repeated, ${lost} readings lost`);
  }
  isOver = true;
  await sailing;
  const sorted = restarts.toSorted((a, b) => a - b).map(Math.round);
  const restartMs = { median: sorted[sorted.length >> 1] ?? 0, max: sorted.at(-1) ?? 0 };
  return { sailors, repeated, lost, restartMs };
}

type End = Pick<KillsResult, "lost" | "countedTwice" | "wrongSums" | "drainMs">;

/** Waits for the origin to have everything, then compares. */
async function judge(
  world: World,
  sailors: readonly Sailor[],
  backlog: number,
  { say }: KillsOptions,
): Promise<End> {
  const startMs = performance.now();
  const untilMs = startMs + DRAIN_MS_MIN + (backlog / DRAIN_RATE_MIN) * 1_000;
  const waiting = await drained(world, backlog, untilMs, say);
  let [lost, countedTwice] = [Math.max(0, backlog - waiting), Math.max(0, waiting - backlog)];
  let wrongSums = 0;
  for (const sailor of sailors) {
    const expected = sailor.totalOf(sailor.acknowledged);
    let total = await totalAt(world, world.origin.url, sailor.device);
    while ((total?.count ?? 0) < expected.count && performance.now() < untilMs) {
      await sleep(50);
      total = await totalAt(world, world.origin.url, sailor.device);
    }
    lost += Math.max(0, expected.count - (total?.count ?? 0));
    countedTwice += Math.max(0, (total?.count ?? 0) - expected.count);
    if (Number(total?.sum) !== expected.sum) wrongSums += 1;
  }
  return { lost, countedTwice, wrongSums, drainMs: Math.round(performance.now() - startMs) };
}

/** How many of the readings that waited the origin has, once that is all of them or time is over. */
async function drained(
  world: World,
  backlog: number,
  untilMs: number,
  say: (line: string) => void,
): Promise<number> {
  const devices = Math.min(BACKLOG_DEVICES, Math.ceil(backlog / BATCH_READINGS));
  for (;;) {
    let sum = 0;
    for (let at = 0; at < devices; at += 1) sum += await countOf(world, `waiting-${at}`);
    if (sum >= backlog || performance.now() > untilMs) return sum;
    say(`the origin has ${sum} of ${backlog} readings that waited`);
    await sleep(2_000);
  }
}

async function countOf(world: World, device: string): Promise<number> {
  const streams = await streamsAt(world, world.origin.url, device);
  return Object.values(streams).reduce((sum, { count }) => sum + count, 0);
}

async function totalAt(world: World, url: string, device: string): Promise<Total | null> {
  return (await streamsAt(world, url, device))["depth_m"] ?? null;
}

async function streamsAt(
  world: World,
  url: string,
  device: string,
): Promise<Readonly<Record<string, Total>>> {
  const authorization = `Bearer ${await world.operatorToken("read")}`;
  const response = await fetch(`${url}/v1/devices/${device}`, { headers: { authorization } });
  return ((await response.json()) as { streams?: Record<string, Total> }).streams ?? {};
}

function doorOf({ url }: WorldRegion, device: string): URL {
  return new URL(`${url}/v1/devices/${device}/readings`);
}
