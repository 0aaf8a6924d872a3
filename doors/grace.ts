// Is a credential that has expired still honoured? Only one that expired while the origin could not
// be reached, because nobody could have renewed it (P6): a device would else fall silent in the very
// outage that it is there for. Whatever is revoked stays refused.

/** The origin cannot be reached. */
export interface Outage {
  /** When it was last heard, epoch milliseconds by its own clock. */
  readonly heardMs: number;
}

export type GraceDecision =
  | { readonly kind: "honoured"; readonly untilMs: number }
  | {
      readonly kind: "refused";
      readonly reason: "origin-reachable" | "expired-before-outage" | "grace-over";
    };

/**
 * Decides on a credential that has expired.
 *
 * @param outage Null while the origin can be reached, or if it is not known when it was heard.
 * @param graceMs How long after its expiry a credential may be honoured.
 */
export function decideGrace(
  expiresMs: number,
  nowMs: number,
  outage: Outage | null,
  graceMs: number,
): GraceDecision {
  if (outage === null) return { kind: "refused", reason: "origin-reachable" };
  // An outage must not bring back what the origin was there to renew, and did not.
  if (expiresMs <= outage.heardMs) return { kind: "refused", reason: "expired-before-outage" };
  const untilMs = expiresMs + graceMs;
  if (nowMs >= untilMs) return { kind: "refused", reason: "grace-over" };
  return { kind: "honoured", untilMs };
}
