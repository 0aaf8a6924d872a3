// What is left of thinned readings, minute by minute? A page in order of time, then stream; all streams
// of a minute stand on one page.

import type { DeviceId } from "../../sync/brand.ts";
import { formatDecimal } from "../../sync/decimal.ts";
import { limits } from "../limits.ts";
import type { ShardStore, ThinnedHour } from "../ports.ts";

/** A question for one page. */
export interface ThinnedQuery {
  readonly device: DeviceId;
  /** Null: all. */
  readonly streams: readonly string[] | null;
  /** Minutes that begin from here, until before `toMs`; epoch milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Minutes of streams of a page; the streams of one minute may be more. */
  readonly limit: number;
}

/** The thinned readings of one stream in one minute; times are epoch milliseconds. */
export interface ThinnedMinute {
  readonly stream: string;
  readonly startMs: number;
  readonly count: number;
  /** Exact decimal text. */
  readonly sum: string;
  readonly min: number;
  readonly max: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface ThinnedPage {
  readonly minutes: readonly ThinnedMinute[];
  /** Where the next page begins; null: this is the last. */
  readonly nextMs: number | null;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Reads a page. */
export function readThinned(
  query: ThinnedQuery,
  store: Pick<ShardStore, "thinnedHour">,
): ThinnedPage {
  const { device, toMs, limit } = query;
  const minutes: ThinnedMinute[] = [];
  let fromMs = Math.floor(query.fromMs / HOUR_MS) * HOUR_MS;
  for (let hours = 0; hours < limits.thinnedHoursMax; hours += 1) {
    const hour = store.thinnedHour(device, fromMs, toMs);
    if (hour === null) return { minutes, nextMs: null };
    for (const [startMs, told] of minutesOf(hour, query)) {
      if (minutes.length > 0 && minutes.length + told.length > limit)
        return { minutes, nextMs: startMs };
      minutes.push(...told);
    }
    fromMs = hour.hourMs + HOUR_MS;
  }
  return { minutes, nextMs: fromMs };
}

/** The minutes of an hour that are asked for, ascending, each with its streams. */
function minutesOf(
  { hourMs, rollup }: ThinnedHour,
  { streams, fromMs, toMs }: ThinnedQuery,
): (readonly [startMs: number, minutes: readonly ThinnedMinute[]])[] {
  const byStart = new Map<number, ThinnedMinute[]>();
  const names = [...rollup.keys()].filter((name) => streams === null || streams.includes(name));
  for (const stream of names.toSorted())
    for (const [minute, { sum, ...rest }] of rollup.get(stream) ?? []) {
      const startMs = hourMs + minute * MINUTE_MS;
      if (startMs < fromMs || startMs >= toMs) continue;
      const told = byStart.get(startMs) ?? [];
      byStart.set(startMs, told);
      told.push({ stream, startMs, ...rest, sum: formatDecimal(sum) });
    }
  return [...byStart].toSorted(([left], [right]) => left - right);
}
