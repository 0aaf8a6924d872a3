// What happens on the voyage? The boat posts its log to three regions as it roams. Some batches are
// posted twice, some to two regions, some answers are lost and the batch is sent again; half way the
// origin is cut off and later healed. Pages are read in every region all the while.

import { setTimeout as sleep } from "node:timers/promises";
import type { World, WorldRegion } from "../launcher/world.ts";
import type { BoatBatch } from "./boat.ts";
import type { DeviceClient } from "./device-client.ts";
import { PageReader } from "./page-reader.ts";

/** What the voyage came to. Counts are readings unless they say otherwise. */
export interface VoyageLog {
  batches: number;
  /** Requests with a batch, with repetitions. */
  requests: number;
  posted: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  /** Readings of the posts whose answer was lost. */
  unheard: number;
  /**
   * Of these, what a region had taken in all the same. Known afterwards: when the batch was sent
   * again, it found this many duplicates.
   */
  takenInUnheard: number;
  twiceToOneRegion: number;
  toTwoRegions: number;
  answersLost: number;
  bodyBytes: number;
  /** Distinct readings sent to each region. */
  readonly sentTo: Map<string, number>;
  readonly pages: PageReader;
  cutMs: number;
  healedAtMs: number;
}

/** When on the voyage the origin goes and comes back, and how long the voyage takes. */
export interface VoyagePlan {
  readonly cutAt: number;
  readonly healAt: number;
  readonly durationMs: number;
}

/** How the boat roams: shares of the voyage, in order. */
const ROUTE: readonly (readonly [region: number, share: number])[] = [
  [0, 0.3],
  [1, 0.25],
  [0, 0.1],
  [2, 0.35],
];

/** Posts every batch; `onProgress` is told the share that is done and what the boat is up to. */
export async function sail(
  world: World,
  client: DeviceClient,
  batches: readonly BoatBatch[],
  plan: VoyagePlan,
  onProgress: (share: number, note: string) => void,
): Promise<VoyageLog> {
  const pages = new PageReader(world.regions.map((region) => region.url));
  const log: VoyageLog = {
    batches: batches.length,
    requests: 0,
    posted: 0,
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    unheard: 0,
    takenInUnheard: 0,
    twiceToOneRegion: 0,
    toTwoRegions: 0,
    answersLost: 0,
    bodyBytes: 0,
    sentTo: new Map(),
    pages,
    cutMs: 0,
    healedAtMs: 0,
  };
  const chance = seeded(20_261_121);
  const startedMs = performance.now();
  let cutAtMs = 0;
  await pages.start();
  for (const [i, batch] of batches.entries()) {
    const share = i / batches.length;
    if (cutAtMs === 0 && share >= plan.cutAt) {
      for (const { link } of world.regions) link.cut();
      cutAtMs = performance.now();
      pages.isOriginCut = true;
    }
    if (log.healedAtMs === 0 && share >= plan.healAt) {
      for (const { link } of world.regions) link.heal();
      log.healedAtMs = performance.now();
      log.cutMs = log.healedAtMs - cutAtMs;
      pages.isOriginCut = false;
    }
    const region = regionAt(world, share);
    const isCut = pages.isOriginCut ? "origin cut off, " : "";
    onProgress(share, `${isCut}off ${region.plan.city}`);
    await postBatch(world, client, batch, region, chance, log);
    const aheadMs = plan.durationMs * share - (performance.now() - startedMs);
    if (aheadMs > 4) await sleep(aheadMs);
  }
  await pages.stop();
  onProgress(1, "in harbour");
  return log;
}

async function postBatch(
  world: World,
  client: DeviceClient,
  batch: BoatBatch,
  region: WorldRegion,
  chance: () => number,
  log: VoyageLog,
): Promise<void> {
  const luck = chance();
  const isLost = chance() < 0.1;
  const sentTo = [region];
  if (luck < 0.05) {
    sentTo.push(region);
    log.twiceToOneRegion += 1;
  } else if (luck < 0.1) {
    sentTo.push(
      world.regions[(world.regions.indexOf(region) + 1) % world.regions.length] ?? region,
    );
    log.toTwoRegions += 1;
  }
  for (const { id } of new Set(sentTo))
    log.sentTo.set(id, (log.sentTo.get(id) ?? 0) + batch.readings);
  if (isLost) {
    log.answersLost += 1;
    log.unheard += batch.readings;
    count(log, batch);
    await client.postAndLose(region.url, batch.body);
  }
  for (const [turn, { url }] of sentTo.entries()) {
    count(log, batch);
    const answer = await client.post(url, batch.body);
    if (isLost && turn === 0) log.takenInUnheard += answer.duplicates;
    log.accepted += answer.accepted;
    log.duplicates += answer.duplicates;
    log.rejected += answer.rejected;
  }
}

function count(log: VoyageLog, batch: BoatBatch): void {
  log.requests += 1;
  log.posted += batch.readings;
  log.bodyBytes += Buffer.byteLength(batch.body);
}

function regionAt(world: World, share: number): WorldRegion {
  let end = 0;
  for (const [index, length] of ROUTE) {
    end += length;
    const region = world.regions[index];
    if (share < end && region !== undefined) return region;
  }
  const [first] = world.regions;
  if (first === undefined) throw new Error("A world has regions");
  return first;
}

/** A small seeded generator (mulberry32), so that every voyage has the same mishaps. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
