// Which targets of an upstream are left alone for a while, because asking for them failed although the
// upstream is there? What is stored of them is served meanwhile; of others nothing is changed (P9). Once
// the while is over one request has the target asked for behind its answer, so that nobody waits twice.

import type { OriginFailure } from "./origin-health.ts";

/** How long a target is left alone, the first time and then, and how many are remembered. */
export interface SparingBounds {
  readonly firstMs: number;
  readonly sparedMs: number;
  readonly targetsMax: number;
}

interface Spared {
  readonly reason: OriginFailure;
  readonly sinceMs: number;
  /** Failures since the upstream answered for it. One may be the fault of its request. */
  readonly failures: number;
}

/** Why a target is spared, and whether it is this request's turn to have it asked for behind its answer. */
export interface SparedDecision {
  readonly reason: OriginFailure;
  readonly isDue: boolean;
}

/** Why a target is left alone, and for how many milliseconds still. */
export interface SparedRest {
  readonly reason: OriginFailure;
  readonly restMs: number;
}

/** The targets of one upstream that failed lately; the failure that was longest ago is forgotten first (P8). */
export class SparedTargets {
  readonly #bounds: SparingBounds;
  readonly #spared = new Map<string, Spared>();

  constructor(bounds: SparingBounds) {
    this.#bounds = bounds;
  }

  get isEmpty(): boolean {
    return this.#spared.size === 0;
  }

  /** Notes that asking for a target failed. */
  note(key: string, reason: OriginFailure, nowMs: number): void {
    const failures = (this.#spared.get(key)?.failures ?? 0) + 1;
    this.#put(key, { reason, sinceMs: nowMs, failures });
  }

  #put(key: string, spared: Spared): void {
    this.#spared.delete(key);
    this.#spared.set(key, spared);
    const oldest = this.#spared.keys().next();
    if (this.#spared.size > this.#bounds.targetsMax && oldest.done !== true)
      this.#spared.delete(oldest.value);
  }

  /** Notes that the upstream answered for a target. */
  forget(key: string): void {
    this.#spared.delete(key);
  }

  clear(): void {
    this.#spared.clear();
  }

  /** Decides whether a target is left alone at `nowMs`; null: it may be asked for, and waited for. */
  look(key: string, nowMs: number): SparedDecision | null {
    const spared = this.#spared.get(key);
    if (spared === undefined) return null;
    const forMs = nowMs - spared.sinceMs;
    // A clock that stepped back must not spare a target for longer.
    return { reason: spared.reason, isDue: forMs < 0 || forMs >= this.#whileOf(spared) };
  }

  /** The same, and takes the turn if it is due. */
  take(key: string, nowMs: number): SparedDecision | null {
    const spared = this.#spared.get(key);
    const decision = this.look(key, nowMs);
    if (spared !== undefined && decision?.isDue === true)
      this.#put(key, { ...spared, sinceMs: nowMs });
    return decision;
  }

  /** Why a target is left alone, and for how long still; null: it is not, or its while is over. */
  rest(key: string, nowMs: number): SparedRest | null {
    const spared = this.#spared.get(key);
    if (spared === undefined) return null;
    const forMs = nowMs - spared.sinceMs;
    const restMs = this.#whileOf(spared) - forMs;
    return forMs < 0 || restMs <= 0 ? null : { reason: spared.reason, restMs };
  }

  #whileOf({ failures }: Spared): number {
    return failures > 1 ? this.#bounds.sparedMs : this.#bounds.firstMs;
  }
}
