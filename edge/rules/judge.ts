// What do readings do to a rule's episode? A state machine over event time, of one rule and one device.
//
//            beyond the threshold            for as long as the rule says
//   quiet ---------------------------> waiting -----------------------------> firing
//     ^                                   |                                      |
//     +---- a reading not beyond it ------+        a reading that clears --------+
//
// Readings are taken in the order of their times, each stream's newest after what was taken before. One
// that comes late, below the newest, neither begins nor ends anything: what is newer has decided.

import { isQuarantined } from "../../sync/quarantine.ts";
import { isBeyond, isClear, type Rule } from "./rule-set.ts";

/** A stretch in which a rule holds, as far as it is known. */
export interface Stretch {
  /** Event time of the reading that began it, epoch milliseconds. */
  readonly sinceMs: number;
  readonly isFiring: boolean;
}

/** What a reading did: event time, epoch milliseconds, and value. */
export interface Turn {
  readonly kind: "fired" | "cleared";
  readonly sinceMs: number;
  readonly atMs: number;
  readonly value: number;
}

/** Readings of one stream; times ascend. */
export interface WatchedReadings {
  readonly times: readonly number[];
  /** Which time each value has. */
  readonly rows: readonly number[];
  readonly values: readonly number[];
}

/**
 * Takes readings that are later than `afterMs` and not quarantined.
 *
 * @param onTurn Told of each turn, in the order of event time.
 * @returns The stretch after them; null: the rule does not hold.
 */
export function judge(
  rule: Rule,
  before: Stretch | null,
  { times, rows, values }: WatchedReadings,
  afterMs: number,
  stampMs: number,
  onTurn: (turn: Turn) => void,
): Stretch | null {
  let stretch = before;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? 0;
    // Nearly always nothing holds, and nothing begins.
    if (stretch === null && !isBeyond(rule, value)) continue;
    const atMs = times[rows[at] ?? 0] ?? 0;
    if (atMs <= afterMs) continue;
    if (isQuarantined(atMs, stampMs)) return stretch;
    stretch = step(rule, stretch, atMs, value, onTurn);
  }
  return stretch;
}

function step(
  rule: Rule,
  stretch: Stretch | null,
  atMs: number,
  value: number,
  onTurn: (turn: Turn) => void,
): Stretch | null {
  if (stretch?.isFiring === true) {
    if (!isClear(rule, value)) return stretch;
    onTurn({ kind: "cleared", sinceMs: stretch.sinceMs, atMs, value });
    return null;
  }
  if (!isBeyond(rule, value)) return null;
  const sinceMs = stretch?.sinceMs ?? atMs;
  if (atMs - sinceMs < rule.forMs) return stretch ?? { sinceMs, isFiring: false };
  onTurn({ kind: "fired", sinceMs, atMs, value });
  return { sinceMs, isFiring: true };
}
