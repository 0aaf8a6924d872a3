// Which isolate of a region asks the upstream for a target? The first that claims it, for as long as a
// lease; the others wait until it has stored what came, or look for themselves.
//
//   none --claim--> filling --settle(stored)----> none      who waited looks again
//                           --settle(unshared)--> unshared  nobody waits for a while
//                           --settle(failed)----> none      who waited asks for itself
//                           --lease is over-----> none      the next that claims fills

/** What became of a fill. */
export type FillOutcome = "stored" | "unshared" | "failed";

/** What a claim came to. */
export type FillClaim =
  | { readonly kind: "fill" }
  /** Ask the upstream without telling anybody: it is not shared, or too many are waiting. */
  | { readonly kind: "alone" }
  | { readonly kind: "wait"; readonly settled: Promise<FillOutcome>; readonly waitMs: number };

/** The bounds of leases. */
export interface LeaseBounds {
  /** How long a lease lasts, in milliseconds. */
  readonly leaseMs: number;
  /** How long a target counts as not shared. */
  readonly unsharedMs: number;
  /** Targets that are being filled, or are known not to be shared. */
  readonly targetsMax: number;
  /** Claims that wait. */
  readonly waitersMax: number;
}

interface Filling {
  readonly untilMs: number;
  readonly settled: Promise<FillOutcome>;
  readonly settle: (outcome: FillOutcome) => void;
}

/** The leases of one cell; in memory only: a cell that restarts lets everybody fill. */
export class FillLeases {
  readonly #bounds: LeaseBounds;
  readonly #filling = new Map<string, Filling>();
  readonly #unsharedUntilMs = new Map<string, number>();
  #waiters = 0;

  constructor(bounds: LeaseBounds) {
    this.#bounds = bounds;
  }

  /** Claims the fill of a target if nobody has it; true: it is claimed. */
  claimFree(target: string, nowMs: number): boolean {
    const filling = this.#filling.get(target);
    const isTaken = filling !== undefined && nowMs < filling.untilMs;
    return !isTaken && this.claim(target, nowMs).kind === "fill";
  }

  /** Claims the fill of a target. Whoever waits calls `leave` when it no longer does. */
  claim(target: string, nowMs: number): FillClaim {
    const { leaseMs, targetsMax, waitersMax } = this.#bounds;
    const untilMs = this.#unsharedUntilMs.get(target);
    if (untilMs !== undefined && nowMs < untilMs) return { kind: "alone" };
    const filling = this.#filling.get(target);
    if (filling !== undefined && nowMs < filling.untilMs) {
      if (this.#waiters >= waitersMax) return { kind: "alone" };
      this.#waiters += 1;
      return { kind: "wait", settled: filling.settled, waitMs: filling.untilMs - nowMs };
    }
    this.#filling.delete(target);
    if (this.#filling.size >= targetsMax) this.#dropOver(nowMs);
    if (this.#filling.size >= targetsMax) return { kind: "alone" };
    const { promise, resolve } = Promise.withResolvers<FillOutcome>();
    const lease = { untilMs: nowMs + leaseMs, settled: promise, settle: resolve };
    this.#filling.set(target, lease);
    return { kind: "fill" };
  }

  /** Notes that a claim waits no longer. */
  leave(): void {
    this.#waiters -= 1;
  }

  /** Ends the fill of a target. */
  settle(target: string, outcome: FillOutcome, nowMs: number): void {
    this.#filling.get(target)?.settle(outcome);
    this.#filling.delete(target);
    this.#unsharedUntilMs.delete(target);
    if (outcome !== "unshared") return;
    this.#unsharedUntilMs.set(target, nowMs + this.#bounds.unsharedMs);
    const oldest = this.#unsharedUntilMs.keys().next();
    if (this.#unsharedUntilMs.size > this.#bounds.targetsMax && oldest.done !== true)
      this.#unsharedUntilMs.delete(oldest.value);
  }

  /** Forgets the leases that are over: who held them may be gone. */
  #dropOver(nowMs: number): void {
    for (const [target, { untilMs }] of this.#filling) {
      // In the order in which they were claimed, so of their ends too.
      if (nowMs < untilMs) return;
      this.#filling.delete(target);
    }
  }
}
