// How old may what an isolate knows of its region be, and who waits for news? Younger than half a
// lease it is used as it is; then one call fetches it anew behind the requests; past the lease they
// wait for that call, all for the same one, but not for long: a cell that does not answer must not
// put out the lamp (P6).
//
// A lease counts from before it was asked for, so that what it tells is never older than it says.

import { limits } from "./limits.ts";

/** The way to whoever tells. */
export interface LeaseSource<View> {
  nowMs(): number;
  /** Asks for the view, given what is known; may fail, and may never settle. */
  ask(known: View): Promise<View>;
  /** Waits for `work` for at most `ms`; `late` leaves it running. */
  within<T>(work: Promise<T>, ms: number): Promise<T | "late">;
  log(event: string, fields: Record<string, string | number>): void;
}

/** A call that is under way, or was. */
interface Ask {
  readonly startedMs: number;
  /** Resolves when it has succeeded or failed; never rejects. */
  readonly done: Promise<void>;
  /** True once a request has gone on without its answer. */
  isLate: boolean;
}

/** What one isolate knows of one region. */
export class HeldLease<View> {
  readonly #source: LeaseSource<View>;
  #view: View;
  /** When what is held was asked for; nothing has been at first. */
  #askedMs = -Infinity;
  #asking: Ask | null = null;
  /** How many calls were made, and the last one that was answered: clocks may go back. */
  #asks = 0;
  #answered = 0;
  /** When the last call that failed was made. */
  #failedMs = -Infinity;

  /** @param first What goes as long as nobody has told anything. */
  constructor(source: LeaseSource<View>, first: View) {
    this.#source = source;
    this.#view = first;
  }

  /**
   * Gives what is known, told anew if it is too old. Never throws.
   *
   * @param background Lets a call go on after the answer of the request that began it has left.
   * @param patienceMs How long a call may take before what is known is given instead.
   */
  async current(
    background: (work: Promise<unknown>) => void,
    patienceMs: number = limits.leaseTimeoutMs,
  ): Promise<View> {
    const { leaseMs } = limits;
    const nowMs = this.#source.nowMs();
    if (isWithin(this.#askedMs, nowMs, leaseMs / 2)) return this.#view;
    const ask = this.#askOnce(nowMs, background);
    const waitMs = ask === null ? 0 : ask.startedMs + patienceMs - nowMs;
    if (ask === null || waitMs <= 0 || isWithin(this.#askedMs, nowMs, leaseMs)) return this.#view;
    const outcome = await this.#source.within(ask.done, waitMs);
    if (outcome === "late" && !ask.isLate) {
      ask.isLate = true;
      this.#source.log("lease-late", { waitedMs: waitMs });
    }
    return this.#view;
  }

  /** Gives what is known if it is younger than a lease, and has it told anew as `current` does. */
  held(nowMs: number, ctx: { waitUntil(work: Promise<unknown>): void }): View | null {
    const { leaseMs } = limits;
    if (!isWithin(this.#askedMs, nowMs, leaseMs / 2)) {
      if (!isWithin(this.#askedMs, nowMs, leaseMs)) return null;
      this.#askOnce(nowMs, (work) => ctx.waitUntil(work));
    }
    return this.#view;
  }

  /** Tells whether what is held was asked for less than a lease ago. */
  get isCurrent(): boolean {
    return isWithin(this.#askedMs, this.#source.nowMs(), limits.leaseMs);
  }

  /** Gives what was told, or waits for the first to be told for at most `ms`; null if nothing is. */
  async told(ms: number): Promise<View | null> {
    if (this.#answered === 0 && this.#asking !== null)
      await this.#source.within(this.#asking.done, ms);
    return this.#answered === 0 ? null : this.#view;
  }

  /** Takes what is held for too old: something is known to have changed. */
  expire(): void {
    this.#askedMs = -Infinity;
  }

  /** Asks anew, for whoever needs what the cell knows by now; false if it is not told within `ms`. */
  async anew(ms: number): Promise<boolean> {
    const before = this.#asks;
    await this.#source.within(this.#renew(this.#source.nowMs()), ms);
    return this.#answered > before;
  }

  /** The call that is under way, or a new one; null right after one that failed. */
  #askOnce(nowMs: number, background: (work: Promise<unknown>) => void): Ask | null {
    // A call can be lost with the request that began it: after a while another one is made.
    const isRunning =
      this.#asking !== null && isWithin(this.#asking.startedMs, nowMs, limits.leaseMs);
    if (isRunning) return this.#asking;
    if (isWithin(this.#failedMs, nowMs, limits.leaseTimeoutMs)) return null;
    const done = this.#renew(nowMs);
    const ask: Ask = { startedMs: nowMs, done, isLate: false };
    this.#asking = ask;
    background(done);
    void done.then(() => {
      if (this.#asking === ask) this.#asking = null;
    });
    return ask;
  }

  async #renew(startedMs: number): Promise<void> {
    const number = (this.#asks += 1);
    try {
      const view = await this.#source.ask(this.#view);
      // A call that was overtaken by a later one tells what is old.
      if (number < this.#answered) return;
      this.#answered = number;
      this.#view = view;
      this.#askedMs = startedMs;
    } catch (error) {
      this.#failedMs = this.#source.nowMs();
      this.#source.log("lease-failed", { error: String(error) });
    }
  }
}

/** Tells whether something happened less than `spanMs` ago; what is yet to come did not. */
function isWithin(thenMs: number, nowMs: number, spanMs: number): boolean {
  return thenMs <= nowMs && nowMs - thenMs < spanMs;
}
