// What did many schedules come to?

import type { Outcome, Violation } from "./run-schedule.ts";

export interface PurgeTally {
  schedules: number;
  steps: number;
  responses: number;
  afterPurges: number;
  /** Responses past the bound, and the first of each schedule that had any. */
  pastBound: number;
  violations: Violation[];
}

export function newTally(): PurgeTally {
  return { schedules: 0, steps: 0, responses: 0, afterPurges: 0, pastBound: 0, violations: [] };
}

/** Adds the outcome of one schedule. */
export function addTally(tally: PurgeTally, outcome: Outcome): void {
  tally.schedules += 1;
  tally.steps += outcome.steps;
  tally.responses += outcome.responses;
  tally.afterPurges += outcome.afterPurges;
  tally.pastBound += outcome.violations.length;
  tally.violations.push(...outcome.violations.slice(0, 1));
}

/** Adds up what another thread counted. */
export function joinTally(tally: PurgeTally, part: PurgeTally): void {
  tally.schedules += part.schedules;
  tally.steps += part.steps;
  tally.responses += part.responses;
  tally.afterPurges += part.afterPurges;
  tally.pastBound += part.pastBound;
  tally.violations.push(...part.violations);
}
