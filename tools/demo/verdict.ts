// Did everything hold? Asks the origin and every region, and compares with the file's own totals.

import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "../launcher/world.ts";
import type { StreamTruth } from "./boat.ts";

/** One stream, as the file has it and as the origin counts it. */
export interface StreamVerdict {
  readonly stream: string;
  readonly expected: StreamTruth;
  readonly counted: StreamTruth | null;
  readonly isEqual: boolean;
}

interface DeviceView {
  readonly streams: Readonly<Record<string, StreamTruth>>;
  readonly lag: readonly {
    readonly replica: string;
    readonly behind: number;
    readonly silentMs: number;
  }[];
}

const CONVERGENCE_MS_MAX = 30_000;
const POLL_MS = 20;

/** Waits until every region's journal is held by the origin; returns how long it took, or null. */
export async function converged(world: World): Promise<number | null> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < CONVERGENCE_MS_MAX) {
    const behind = await Promise.all(world.regions.map(({ url }) => behindOf(url)));
    if (behind.every((count) => count === 0)) return performance.now() - startedMs;
    await sleep(POLL_MS);
  }
  return null;
}

/** Compares the origin's totals with the file's. */
export async function compare(
  world: World,
  device: string,
  token: string,
  truth: ReadonlyMap<string, StreamTruth>,
): Promise<StreamVerdict[]> {
  const view = await readView(world.origin.url, device, token);
  const streams = new Set([...truth.keys(), ...Object.keys(view?.streams ?? {})]);
  return [...streams].toSorted().map((stream) => {
    const expected = truth.get(stream) ?? { count: 0, sum: "0", min: Infinity, max: -Infinity };
    const counted = view?.streams[stream] ?? null;
    const isEqual =
      counted !== null &&
      counted.count === expected.count &&
      counted.sum === expected.sum &&
      counted.min === expected.min &&
      counted.max === expected.max;
    return { stream, expected, counted, isEqual };
  });
}

/** Counts the distinct readings that a region says it took in. */
export async function countedBy(url: string, device: string, token: string): Promise<number> {
  const view = await readView(url, device, token);
  return Object.values(view?.streams ?? {}).reduce((sum, stream) => sum + stream.count, 0);
}

async function readView(url: string, device: string, token: string): Promise<DeviceView | null> {
  const response = await fetch(`${url}/v1/devices/${device}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return response.status === 200 ? ((await response.json()) as DeviceView) : null;
}

async function behindOf(url: string): Promise<number> {
  const response = await fetch(`${url}/readyz`);
  const { links } = (await response.json()) as {
    links: readonly { head: number; cursor: number }[];
  };
  return links.reduce((sum, link) => sum + link.head - link.cursor, 0);
}
