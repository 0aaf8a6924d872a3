// May this one send more just now? The generic cell rate algorithm (virtual scheduling, ITU-T I.371):
// each name has the time up to which its rate is used up; a name may be ahead of the clock by a burst.
// What is taken may go beyond it once, so that a batch of any size is let through by someone at rest.

/** What is counted, each for itself. */
export interface Usage {
  /** How much of it is taken. */
  readonly amount: number;
  /** How much of it a second may be; null: there is no limit. */
  readonly perS: number | null;
}

export type RateDecision =
  | { readonly kind: "taken" }
  /** Nothing is taken of anything; `waitMs` from now there is room again. */
  | { readonly kind: "limited"; readonly what: string; readonly waitMs: number };

/** The bounds of a book. */
export interface RateBounds {
  /** Names that are remembered; those that have rested longest are forgotten. */
  readonly namesMax: number;
  /** How far ahead of its rate a name may be, milliseconds. */
  readonly burstMs: number;
}

interface Held {
  /** When this was last looked at, epoch milliseconds. */
  readonly atMs: number;
  /** By what is counted: up to when its rate is used up. */
  readonly usedToMs: Readonly<Record<string, number>>;
}

/** What the names of one limit have used. In memory: a restart forgets it, which lets a burst in. */
export class RateBook {
  readonly #bounds: RateBounds;
  /** Least recently used first. */
  readonly #held = new Map<string, Held>();

  constructor(bounds: RateBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Takes all of `usages` of a name, or nothing. */
  take(name: string, usages: Readonly<Record<string, Usage>>, nowMs: number): RateDecision {
    const limited = Object.entries(usages).filter(([, { perS }]) => perS !== null);
    if (limited.length === 0) return { kind: "taken" };
    const held = this.#held.get(name);
    // A clock that went back takes what is used up along: it was so far ahead, and no further.
    const shiftMs = held === undefined ? 0 : Math.min(0, nowMs - held.atMs);
    const usedToMs: Record<string, number> = {};
    let isLimited: RateDecision | null = null;
    for (const [what, { amount, perS }] of limited) {
      const fromMs = Math.max(nowMs, (held?.usedToMs[what] ?? 0) + shiftMs);
      const aheadMs = fromMs - nowMs;
      // Whole milliseconds: a clock has no parts of one, and sums of parts would fall just short.
      if (aheadMs > this.#bounds.burstMs)
        isLimited = { kind: "limited", what, waitMs: Math.ceil(aheadMs - this.#bounds.burstMs) };
      usedToMs[what] = fromMs + (amount * 1000) / (perS ?? Infinity);
    }
    if (isLimited !== null) return isLimited;
    this.#remember(name, { atMs: nowMs, usedToMs });
    return { kind: "taken" };
  }

  #remember(name: string, held: Held): void {
    this.#held.delete(name);
    const oldest = this.#held.keys().next();
    if (this.#held.size >= this.#bounds.namesMax && oldest.done !== true)
      this.#held.delete(oldest.value);
    this.#held.set(name, held);
  }
}

/** Writes Retry-After: whole seconds, at least one (RFC 9110 §10.2.3). */
export function retryAfterOf(waitMs: number): string {
  return String(Math.max(1, Math.ceil(waitMs / 1000)));
}
