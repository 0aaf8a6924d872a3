// Who waits in an object for a write that it has not heard of yet? Requests that carry a session: each
// waits once, in the object that hears of writes, for a while and not beside too many others.

import { within } from "./within.ts";

/** How long a session is waited for, and how often it is looked for without news, milliseconds. */
export const SESSION_WAIT_MS_MAX = 2_000;
const LOOK_MS = 500;
/** A timer that comes a moment early makes for no look of its own. */
const LOOK_MS_MIN = 50;
/** Requests that wait in one object at once; one more is answered at once, as one that waited. */
export const SESSION_WAITERS_MAX = 1_024;

/** The requests that wait in one object. */
export class SessionWaits {
  readonly #nowMs: () => number;
  #count = 0;
  #news = opened();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Waits until something is known, for at most SESSION_WAIT_MS_MAX.
   *
   * @param look Has what is not known looked for; called about every half second.
   * @returns False if it did not come, or too many wait already.
   */
  async until(isKnown: () => boolean, look: () => void): Promise<boolean> {
    if (isKnown()) return true;
    if (this.#count >= SESSION_WAITERS_MAX) return false;
    this.#count += 1;
    const startedMs = this.#nowMs();
    try {
      for (let waitedMs = 0; waitedMs >= 0 && waitedMs < SESSION_WAIT_MS_MAX;) {
        look();
        const leftMs = SESSION_WAIT_MS_MAX - waitedMs;
        await within(this.#news.heard, Math.max(LOOK_MS_MIN, Math.min(LOOK_MS, leftMs)));
        if (isKnown()) return true;
        waitedMs = this.#nowMs() - startedMs;
      }
      return false;
    } finally {
      this.#count -= 1;
    }
  }

  /** Lets all that wait look: there is news. */
  heard(): void {
    const { tell } = this.#news;
    this.#news = opened();
    tell();
  }
}

interface News {
  readonly heard: Promise<null>;
  readonly tell: () => void;
}

function opened(): News {
  let tell = (): void => undefined;
  const heard = new Promise<null>((resolve) => {
    tell = () => resolve(null);
  });
  return { heard, tell };
}
