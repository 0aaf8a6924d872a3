// Where does an alert stand? firing < acknowledged < resolved within an episode, and a new episode
// is above all of an old one, so that a late "still firing" cannot undo an acknowledgement, and an
// acknowledgement cannot silence what began after it.

import { compareHlc, ZERO_HLC, type Hlc } from "../clock/hlc.ts";
import { chainLattice, compare, type Lattice } from "./lattice.ts";

export type AlertRank = "none" | "firing" | "acknowledged" | "resolved";

export interface Alert {
  /** Counts how often the alert began, or names when it did: a later one is greater; 0 if never. */
  readonly episode: number;
  readonly rank: AlertRank;
  /** When it came to this rank. */
  readonly stamp: Hlc;
  /** Who acknowledged, or what was measured. */
  readonly note: string;
}

/** From the least to the greatest. */
export const RANKS: readonly AlertRank[] = ["none", "firing", "acknowledged", "resolved"];

const NOTHING: Alert = { episode: 0, rank: "none", stamp: ZERO_HLC, note: "" };

export const alert: Lattice<Alert> = /* @__PURE__ */ chainLattice(
  NOTHING,
  (left, right) =>
    left.episode - right.episode ||
    RANKS.indexOf(left.rank) - RANKS.indexOf(right.rank) ||
    compareHlc(left.stamp, right.stamp) ||
    compare(left.note, right.note),
);

/** Returns the delta of a rule that fires: a new episode if the last one is resolved. */
export function fire(state: Alert, stamp: Hlc, note: string): Alert {
  if (state.rank === "firing" || state.rank === "acknowledged") return state;
  return { episode: state.episode + 1, rank: "firing", stamp, note };
}

/** Returns the delta of an acknowledgement; one that is not firing stays as it is. */
export function acknowledge(state: Alert, stamp: Hlc, note: string): Alert {
  return state.rank === "firing" ? { ...state, rank: "acknowledged", stamp, note } : state;
}

/** Returns the delta of a resolution. */
export function resolve(state: Alert, stamp: Hlc, note: string): Alert {
  if (state.rank !== "firing" && state.rank !== "acknowledged") return state;
  return { ...state, rank: "resolved", stamp, note };
}

/**
 * Returns the delta that forgets an alert: an episode without a rank is above it, is not seen, and goes
 * once every link has heard of it. A later one may begin.
 */
export function forget({ episode }: Alert, stamp: Hlc): Alert {
  return { episode: episode + 1, rank: "none", stamp, note: "" };
}
