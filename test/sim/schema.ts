// What do the simulated replicas hold? Collections of every kind and every direction, with few keys,
// so that writers meet.

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
import { collection, type Collection } from "../../sync/replica/kind.ts";

export const fields = collection(1, "both", lwwKind);
export const reported = collection(2, "up", lwwKind);
export const desired = collection(3, "down", lwwKind);
export const revoked = collection(4, "both", maxKind);
export const lows = collection(5, "up", minKind);
export const purges = collection(6, "both", maxKind);
export const members = collection(7, "both", setKind);
export const labels = collection(8, "both", mapKind);
export const devices = collection(9, "down", setKind);
export const stock = collection(10, "up", pnCounterKind);
export const traffic = collection(11, "up", countsKind);
export const hits = collection(12, "both", gCounterKind);
export const notes = collection(13, "both", mvKind);
export const alerts = collection(14, "both", alertKind);
export const config = collection(15, "down", versionedKind);
/** Collections that an older hub does not know. */
export const lateFields = collection(16, "both", lwwKind);
export const lateHits = collection(17, "up", gCounterKind);
export const found = collection(18, "up", setKind);
/** Of these an edge is told one total of what all others have counted. */
export const tally = collection(19, "both", gTotalKind);
export const crew = collection(20, "both", pnTotalKind);
export const loads = collection(21, "both", countsTotalKind);

const LATE: ReadonlySet<number> = new Set([lateFields.id, lateHits.id]);

/** Everything that an edge holds, and the newest hub. */
export const COLLECTIONS = [
  fields,
  reported,
  desired,
  revoked,
  lows,
  purges,
  members,
  labels,
  devices,
  stock,
  traffic,
  hits,
  notes,
  alerts,
  config,
  lateFields,
  lateHits,
  found,
  tally,
  crew,
  loads,
] as readonly Collection[];

/** What a hub of an older release knows. */
export const OLD_COLLECTIONS: readonly Collection[] = COLLECTIONS.filter(({ id }) => !LATE.has(id));

/** Keys that are written and never deleted, and keys that are. */
export const LASTING_KEYS: readonly string[] = ["k0", "k1", "k2"];
export const PASSING_KEYS: readonly string[] = ["d0", "d1", "d2"];
export const ALL_KEYS: readonly string[] = [...LASTING_KEYS, ...PASSING_KEYS];
