// What did a device's streams say last? The reading with the latest event time that counts, and when
// it came.

import type { DeviceId } from "../../sync/brand.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import { limits } from "../limits.ts";
import type { HubStore, TimeRange } from "../ports.ts";

/** A stream's last reading. */
export interface LatestReading {
  readonly stream: string;
  readonly timeMs: number;
  readonly value: number | boolean;
  /** When it was committed, epoch milliseconds; null if that cannot be read any more. */
  readonly arrivedMs: number | null;
}

/** Finds the last reading of each stream that has one, by stream; null if the device is not known. */
export function latestOf(
  device: DeviceId,
  store: Pick<HubStore, "loadDevice" | "held">,
): LatestReading[] | null {
  const state = store.loadDevice(device);
  if (state === null) return null;
  const known = Object.keys(state.streams)
    .toSorted()
    .flatMap((stream) => {
      const { kind = "number", latest = null } = state.streams[stream] ?? {};
      return latest === null ? [] : [{ stream, kind, timeMs: latest[0], value: latest[1] }];
    });
  const times = new Set(known.map(({ timeMs }) => timeMs));
  const ranges = [...times].toSorted((a, b) => a - b).map((timeMs): TimeRange => [timeMs, timeMs]);
  const arrived = arrivals(device, ranges, store);
  return known.map(({ stream, kind, timeMs, value }) => ({
    stream,
    timeMs,
    value: kind === "boolean" ? value !== 0 : value,
    arrivedMs: arrived.get(`${stream} ${timeMs}`) ?? null,
  }));
}

/** The first stamp of each stream and time. */
function arrivals(
  device: DeviceId,
  ranges: readonly TimeRange[],
  store: Pick<HubStore, "held">,
): Map<string, number> {
  const asked = new Set(ranges.map(([timeMs]) => timeMs));
  const first = new Map<string, number>();
  for (const { stream, times, stampOf } of store.held(device, ranges, limits.overlapBytesMax))
    for (let at = 0; at < times.length; at += 1) {
      const timeMs = times[at] as number;
      if (!asked.has(timeMs)) continue;
      const stampMs = stampOf(at);
      const key = `${stream} ${timeMs}`;
      if (!isQuarantined(timeMs, stampMs))
        first.set(key, Math.min(first.get(key) ?? stampMs, stampMs));
    }
  return first;
}
