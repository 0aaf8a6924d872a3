// Which kinds of entries are there? All of them, with the names that people read.

import type { Kind } from "../../sync/replica/kind.ts";
import {
  alertKind,
  countsKind,
  gCounterKind,
  lwwKind,
  mapKind,
  maxKind,
  minKind,
  mvKind,
  pnCounterKind,
  setKind,
  versionedKind,
} from "../../sync/replica/kinds.ts";
import { countsTotalKind, gTotalKind, pnTotalKind } from "../../sync/replica/totals.ts";

const NAMED: Readonly<Record<string, unknown>> = {
  "last write": lwwKind,
  max: maxKind,
  min: minKind,
  counter: gCounterKind,
  "two-way counter": pnCounterKind,
  counts: countsKind,
  "concurrent values": mvKind,
  alert: alertKind,
  "versioned content": versionedKind,
  set: setKind,
  map: mapKind,
  "counter in total": gTotalKind,
  "two-way counter in total": pnTotalKind,
  "counts in total": countsTotalKind,
};

/** Every kind, by its code. */
export const ALL_KINDS: readonly Kind[] = Object.values(NAMED) as readonly Kind[];

/** Finds a kind by its code. */
export function kindOf(code: number): Kind | undefined {
  return ALL_KINDS.find((kind) => kind.code === code);
}

/** Names a kind for people. */
export function nameOfKind(code: number): string {
  return Object.keys(NAMED)[code - 1] ?? `kind ${code}`;
}
