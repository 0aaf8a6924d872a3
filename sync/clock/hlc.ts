// Which of two updates is the later one, when clocks disagree? A hybrid logical clock (Kulkarni et
// al. 2014): wall time where it moves, a counter where it stands still or lags. A wrong clock blocks
// nobody: the past is always accepted, and a stamp too far ahead is the author's to correct.

import { err, ok, type Result } from "../result.ts";

/** A stamp; compared by wall time, then by counter. */
export interface Hlc {
  /** Epoch milliseconds; those of a clock's own time are multiples of its quantum. */
  readonly wallMs: number;
  /** 0 to LOGICAL_MAX. */
  readonly logical: number;
}

/** A replica's clock. It never gives a stamp twice, also after a crash: see `floorMs`. */
export interface Clock {
  readonly last: Hlc;
  readonly quantumMs: 1 | 16 | 128;
  /**
   * Persisted; every stamp's wall time lies below it. A clock that is opened again begins at it, so
   * a stamp that was given but not stored is not given again.
   */
  readonly floorMs: number;
}

export const ZERO_HLC: Hlc = { wallMs: 0, logical: 0 };
/** 16 bits: in deployed Workers time stands still between I/O, so the counter does real work. */
export const LOGICAL_MAX = 0xffff;
/** How far ahead of its own clock a hub accepts a stamp. */
export const AHEAD_MS_MAX = 60_000;
/** How far the floor is moved ahead at a time, so that it is not stored for each stamp. */
export const FLOOR_STEP_MS = 10_000;

/** Opens a clock on the floor that was stored; 0 for a new replica. Its new floor is to be stored. */
export function openClock(floorMs: number, quantumMs: Clock["quantumMs"]): Clock {
  const wallMs = Math.ceil(floorMs / quantumMs) * quantumMs;
  return { last: { wallMs, logical: 0 }, quantumMs, floorMs: wallMs + FLOOR_STEP_MS };
}

/** Gives the next stamp, `last`: greater than every one before, and than every one observed. */
export function tick(clock: Clock, nowMs: number): Clock {
  const { last, quantumMs } = clock;
  const wallMs = Math.floor(nowMs / quantumMs) * quantumMs;
  return withLast(clock, wallMs > last.wallMs ? { wallMs, logical: 0 } : after(last, quantumMs));
}

/**
 * Takes over a stamp of another replica, so that what follows is later than it.
 *
 * @returns The clock, or `clock-ahead` if the stamp lies further ahead than `aheadMsMax`: absorbing
 *   it would carry one wrong clock to everybody.
 */
export function observe(
  clock: Clock,
  stamp: Hlc,
  nowMs: number,
  aheadMsMax: number = AHEAD_MS_MAX,
): Result<Clock, "clock-ahead"> {
  if (isAhead(stamp, nowMs, aheadMsMax)) return err("clock-ahead");
  return ok(follow(clock, stamp));
}

/** Takes over a stamp, however far ahead. */
export function follow(clock: Clock, stamp: Hlc | null | undefined): Clock {
  return withLast(clock, laterOf(clock.last, stamp));
}

/** Tells whether a stamp lies too far ahead of `nowMs` to be accepted. The past always is. */
export function isAhead(stamp: Hlc, nowMs: number, aheadMsMax: number = AHEAD_MS_MAX): boolean {
  return stamp.wallMs > nowMs + aheadMsMax;
}

/** The later of two stamps, if there is another. */
export function laterOf(stamp: Hlc, other: Hlc | null | undefined): Hlc {
  return other && compareHlc(other, stamp) > 0 ? other : stamp;
}

/** Orders stamps. */
export function compareHlc(left: Hlc, right: Hlc): number {
  return left.wallMs - right.wallMs || left.logical - right.logical;
}

/** The stamp right after `last`; a full counter carries into the wall time. */
function after(last: Hlc, quantumMs: number): Hlc {
  const { wallMs, logical } = last;
  if (logical < LOGICAL_MAX) return { wallMs, logical: logical + 1 };
  return { wallMs: wallMs + quantumMs, logical: 0 };
}

function withLast(clock: Clock, last: Hlc): Clock {
  const floorMs = last.wallMs < clock.floorMs ? clock.floorMs : last.wallMs + FLOOR_STEP_MS;
  return { ...clock, last, floorMs };
}
