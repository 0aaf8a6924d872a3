// What do the readings of a device's minute add up to? Folded from those that the hub holds, when it
// is asked: of one identity the reading that was committed first counts.

import type { DeviceId } from "../../sync/brand.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import { limits } from "../limits.ts";
import type { HubStore } from "../ports.ts";
import { foldMinute, MINUTE_MS, type MinuteRollup } from "./device-state.ts";

/** Folds the minute that begins at `minuteMs`; past `overlapBytesMax` what is left is left out. */
export function foldHeldMinute(device: DeviceId, minuteMs: number, store: HubStore): MinuteRollup {
  const range = [minuteMs, minuteMs + MINUTE_MS - 1] as const;
  const streams = new Map<string, Map<number, number>>();
  for (const { stream, times, values, stampOf } of store.held(
    device,
    [range],
    limits.overlapBytesMax,
  )) {
    const found = streams.get(stream) ?? new Map<number, number>();
    streams.set(stream, found);
    for (let at = 0; at < times.length; at += 1) {
      const timeMs = times[at] as number;
      const isInside = timeMs >= range[0] && timeMs <= range[1];
      if (isInside && !found.has(timeMs) && !isQuarantined(timeMs, stampOf(at)))
        found.set(timeMs, values[at] as number);
    }
  }
  return foldMinute(
    {},
    [...streams]
      .filter(([, found]) => found.size > 0)
      .map(([stream, found]) => {
        const times = [...found.keys()].toSorted((a, b) => a - b);
        const values = times.map((timeMs) => found.get(timeMs) ?? 0);
        return { stream, kind: "number", times, values };
      }),
  );
}
