// When was it, and as which change? A replica's clock and its seqs; both go on where they stood
// after a crash.

import { AHEAD_MS_MAX, follow, openClock, tick, type Clock, type Hlc } from "../clock/hlc.ts";
import type { StoredTable } from "./stored-table.ts";

/** A replica's clock and seqs, kept as facts. */
export class Timeline {
  readonly #stored: StoredTable;
  #clock: Clock;

  constructor(stored: StoredTable, quantumMs: Clock["quantumMs"] = 16) {
    this.#stored = stored;
    // An entry tells of the seq too, should the fact be damaged.
    for (const { entry } of stored.all()) if (entry.seq > this.seq) stored.state("seq", entry.seq);
    this.#clock = openClock(stored.fact<number>("floorMs") ?? 0, quantumMs);
    this.#move(this.#clock);
  }

  /** The seq of the last change. */
  get seq(): number {
    return this.#stored.fact<number>("seq") ?? 0;
  }

  /**
   * The latest time that a stamp may show which an edge sends. What has once been accepted stays so
   * when the clock goes back, and nothing beyond: else many small steps would lead anywhere.
   */
  limitMs(nowMs: number): number {
    return Math.max(nowMs + AHEAD_MS_MAX, this.#clock.last.wallMs);
  }

  nextSeq(): number {
    this.#stored.state("seq", this.seq + 1);
    return this.seq;
  }

  /** Gives the next stamp. */
  stamp(nowMs: number): Hlc {
    this.#move(tick(this.#clock, nowMs));
    return this.#clock.last;
  }

  /** Takes over a stamp that the hub has accepted: its clock is the one that counts. */
  observe(stamp: Hlc | null | undefined): void {
    this.#move(follow(this.#clock, stamp));
  }

  /** Begins anew behind `last`: the clock was wrong. */
  restart(last: Hlc): void {
    this.#move({ ...this.#clock, last, floorMs: 0 });
  }

  #move(clock: Clock): void {
    this.#clock = clock;
    this.#stored.state("floorMs", clock.floorMs);
  }
}
