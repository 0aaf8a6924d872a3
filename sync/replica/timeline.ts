// When was it? A replica's clock, which goes on where it stood after a crash.

import { AHEAD_MS_MAX, follow, openClock, tick, type Clock, type Hlc } from "../clock/hlc.ts";
import type { StoredTable } from "./stored-table.ts";

/** A replica's clock, its floor kept as a fact. */
export class Timeline {
  readonly #stored: StoredTable;
  #clock!: Clock;

  constructor(stored: StoredTable, quantumMs: Clock["quantumMs"] = 16) {
    this.#stored = stored;
    this.#move(openClock(stored.fact<number>("floorMs") ?? 0, quantumMs));
  }

  /**
   * The latest time that a stamp may show which an edge sends. What has once been accepted stays so
   * when the clock goes back, and nothing beyond: else many small steps would lead anywhere.
   */
  limitMs(nowMs: number): number {
    return Math.max(nowMs + AHEAD_MS_MAX, this.#clock.last.wallMs);
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
