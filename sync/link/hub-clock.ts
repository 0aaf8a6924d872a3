// What time is it by the hub's clock? An edge's own may be wrong by a year; each answer of the hub says
// what its clock shows.

/** What the hub's clock was found to show. */
export interface HubClock {
  /** How far it was ahead of this replica's. */
  readonly offsetMs: number;
  /** What it showed when that was found: it has not shown less since. */
  readonly heardMs: number;
}

/**
 * Tells what time it is by the hub's clock, as far as that is known.
 *
 * @param nowMs This replica's clock, which may have been set right, or wrong, since.
 */
export function hubTime({ offsetMs, heardMs }: HubClock, nowMs: number): number {
  const guessMs = nowMs + offsetMs;
  return guessMs >= heardMs ? guessMs : Math.max(nowMs, heardMs);
}

/** Changes of the clocks' difference that are not worth storing. */
const OFFSET_STEP_MS = 1_000;

/**
 * Measures how far the hub's clock is ahead. It was read between the request and the answer, so only
 * what lies outside is a difference; one that hardly changed stays as it was, not to be stored again.
 */
export function measure(
  clock: HubClock,
  { hubNowMs }: { readonly hubNowMs: number },
  { sentMs }: { readonly sentMs: number },
  nowMs: number,
): HubClock {
  const offsetMs = hubNowMs < sentMs ? hubNowMs - sentMs : Math.max(0, hubNowMs - nowMs);
  const isSteady = Math.abs(offsetMs - clock.offsetMs) < OFFSET_STEP_MS;
  return isSteady ? clock : { offsetMs, heardMs: hubNowMs };
}
