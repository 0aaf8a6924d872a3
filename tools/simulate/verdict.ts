// Does the origin count what the edges acknowledged? Waits until they have handed over what they
// hold, then compares every stream of every device: count and sum.

import { setTimeout as sleep } from "node:timers/promises";
import { LaunchError } from "../launcher/launch-error.ts";
import { STREAMS } from "./fleet.ts";
import type { StreamTotal } from "./measuring.ts";
import type { Sailed } from "./sail.ts";

/** What the comparison came to. Counts are readings. */
export interface Verdict {
  readonly counted: number;
  /** Devices whose totals differ, at most `NAMED_MAX` of them. */
  readonly different: readonly string[];
  readonly differentDevices: number;
  /** Journal entries that the origin still lacks; null if an edge did not say. */
  readonly backlog: number | null;
  /** How long it took until the origin had everything. */
  readonly convergedMs: number;
}

const CONVERGENCE_MS_MAX = 60_000;
const POLL_MS = 100;
const READS_AT_ONCE = 16;
const READ_TRIES = 20;
const ANSWER_MS_MAX = 10_000;
const NAMED_MAX = 5;

/** Adds up what the edges hold that the origin lacks; null if one of them does not answer. */
export async function backlogOf(edges: readonly string[]): Promise<number | null> {
  try {
    const behind = await Promise.all(edges.map(behindOf));
    return behind.reduce((sum, entries) => sum + entries, 0);
  } catch {
    return null;
  }
}

/** Compares what has sailed with the origin's totals. */
export async function compare(
  edges: readonly string[],
  origin: { readonly url: string; readonly token: string },
  fleet: readonly Sailed[],
): Promise<Verdict> {
  const beganMs = performance.now();
  let backlog = await backlogOf(edges);
  while (backlog !== 0 && performance.now() - beganMs < CONVERGENCE_MS_MAX) {
    await sleep(POLL_MS);
    backlog = await backlogOf(edges);
  }
  const convergedMs = performance.now() - beganMs;
  const different: string[] = [];
  let counted = 0;
  const waiting = [...fleet];
  const worker = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const found = await readTotals(origin, next.name);
      counted += STREAMS.reduce((sum, stream) => sum + (found[stream]?.count ?? 0), 0);
      if (!isEqual(next, found)) different.push(next.name);
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker));
  return {
    counted,
    different: different.toSorted().slice(0, NAMED_MAX),
    differentDevices: different.length,
    backlog,
    convergedMs,
  };
}

function isEqual({ measuring }: Sailed, found: Partial<Record<string, StreamTotal>>): boolean {
  return STREAMS.every((stream) => {
    const { count, hundredths } = measuring.totals[stream];
    return (found[stream]?.count ?? 0) === count && (found[stream]?.hundredths ?? 0) === hundredths;
  });
}

/** Reads the origin's totals of a device; a device that it never heard of has none. */
async function readTotals(
  { url, token }: { readonly url: string; readonly token: string },
  device: string,
): Promise<Partial<Record<string, StreamTotal>>> {
  const response = await askAgain(`${url}/v1/devices/${device}`, token);
  if (response.status === 404) return {};
  if (!response.ok) {
    throw new LaunchError(`The origin gave ${response.status}: ${await response.text()}`);
  }
  const { streams } = (await response.json()) as {
    streams: Record<string, { count: number; sum: string }>;
  };
  const totals = Object.entries(streams).map(([stream, { count, sum }]) => {
    return [stream, { count, hundredths: Math.round(Number(sum) * 100) }] as const;
  });
  return Object.fromEntries(totals);
}

/** Asks until there is an answer: an origin that is starting again gives none. */
async function askAgain(url: string, token: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` };
  for (let tries = 1; ; tries += 1) {
    try {
      return await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    } catch (error) {
      if (tries === READ_TRIES) throw error;
      await sleep(POLL_MS * tries);
    }
  }
}

async function behindOf(edge: string): Promise<number> {
  const response = await fetch(`${edge}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  const { links } = (await response.json()) as {
    links: readonly { readonly head: number; readonly cursor: number }[];
  };
  return links.reduce((sum, { head, cursor }) => sum + head - cursor, 0);
}
