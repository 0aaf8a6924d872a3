// What is a run from its beginning to its verdict? The fleet sails, its last tries end, and the
// origin is asked.

import { mintDeviceToken, mintOperatorToken, type Keys } from "../launcher/keys.ts";
import { drawFleet, type FleetPlan } from "./fleet.ts";
import { Poster } from "./poster.ts";
import { showProgress } from "./progress.ts";
import { StreamPoster } from "./stream-poster.ts";
import { sail } from "./sail.ts";
import { Tally } from "./tally.ts";
import { compare, type Verdict } from "./verdict.ts";

/** Where a fleet sails, and for how long. */
export interface RunPlan {
  readonly fleet: FleetPlan;
  readonly edges: readonly string[];
  readonly originUrl: string;
  readonly keys: Keys;
  readonly durationMs: number;
  readonly transport: "http" | "ws";
  /** Requests at the same time, over HTTP. */
  readonly connections: number;
  /** Aborted when a person wants it to end earlier. */
  readonly stop: AbortSignal;
  readonly say: (step: string) => void;
}

/** What a run came to. */
export interface RunResult {
  readonly tally: Tally;
  readonly verdict: Verdict;
  readonly sailedMs: number;
}

/** How long the last batches are tried for after the end. */
const LAST_TRIES_MS = 15_000;

/** Lets a fleet sail, and compares. Rejects if an edge refuses what it posts. */
export async function run(plan: RunPlan): Promise<RunResult> {
  const { edges, keys, connections, say } = plan;
  const fleet = drawFleet(plan.fleet);
  const tokens = await Promise.all(fleet.map(({ name }) => mintDeviceToken(keys, name)));
  const tally = new Tally();
  const poster = plan.transport === "ws" ? new StreamPoster() : new Poster(connections);
  const end = new AbortController();
  const over = new AbortController();
  const timers = [
    setTimeout(() => end.abort(), plan.durationMs),
    setTimeout(() => over.abort(), plan.durationMs + LAST_TRIES_MS),
  ];
  const ending = AbortSignal.any([end.signal, over.signal, plan.stop]);
  say(`${fleet.length} devices begin to send to ${edges.join(", ")}`);
  const beganMs = performance.now();
  const showing = showProgress(tally, edges, () => poster.waiting, ending);
  const waters = { edges, poster, tally, ending, over: over.signal };
  try {
    const sailing = fleet.map((device, index) => sail(device, tokens[index] ?? "", waters));
    // One that is refused ends the others: all would be, and none may sail on after the end.
    for (const one of sailing) one.catch(() => over.abort());
    await Promise.allSettled(sailing);
    await showing;
    const sailed = await Promise.all(sailing);
    const sailedMs = performance.now() - beganMs;
    say("Waiting until the origin has what the edges hold, and comparing");
    const token = await mintOperatorToken(keys, "simulate", ["read"]);
    const verdict = await compare(edges, { url: plan.originUrl, token }, sailed);
    return { tally, verdict, sailedMs };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    over.abort();
    poster.close();
  }
}
