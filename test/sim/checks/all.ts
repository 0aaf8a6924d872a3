// Which checkers watch a simulation? Each run gets its own, because some remember.

import type { Checker } from "./checker.ts";
import { makeCodedRead, makeEqualBases } from "./coding.ts";
import { converges, direction } from "./convergence.ts";
import { boundedMetadata, clockLimit, makeNeverDown, sessionTokens } from "./history.ts";
import { cursors, rebuild, retries } from "./links.ts";
import { sameTotals } from "./totals.ts";
import { toldWhole } from "./telling.ts";
import { addWins, concurrentNotes, countedOnce, lastWrite } from "./values.ts";

/** Makes the checkers of one run. */
export function makeCheckers(): readonly Checker[] {
  return [
    converges,
    direction,
    toldWhole,
    lastWrite,
    countedOnce,
    sameTotals,
    concurrentNotes,
    addWins,
    retries,
    cursors,
    rebuild,
    makeNeverDown(),
    clockLimit,
    sessionTokens,
    boundedMetadata,
    makeEqualBases(),
    makeCodedRead(),
  ];
}
