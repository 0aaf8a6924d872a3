// How long does a link wait after an exchange that failed? Longer each time, and by chance, so that
// links that failed together do not come back together (full jitter).

/** First and longest wait between failed exchanges. */
export interface RetryBounds {
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

/** The wait after `attempt` failures before this one; `chance` is uniform in [0, 1). */
export function retryDelayMs(
  attempt: number,
  chance: number,
  { retryMsMin, retryMsMax }: RetryBounds,
): number {
  const ceiling = Math.min(retryMsMax, retryMsMin * 2 ** attempt);
  return Math.ceil(retryMsMin / 2 + chance * (ceiling - retryMsMin / 2));
}
