// Is an event time believable? Decided by the time and the commit stamp alone, so every replica
// that holds the batch decides the same.

/** How far ahead of its commit a reading's event time may lie: 5 minutes. */
export const FUTURE_MS_MAX = 300_000;

/** Tells whether a reading is quarantined: stored and visible, but outside the totals. */
export function isQuarantined(timeMs: number, stampMs: number): boolean {
  return timeMs > stampMs + FUTURE_MS_MAX;
}
