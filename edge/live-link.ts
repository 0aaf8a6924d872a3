// How does the origin come to know what is new while a backlog drains? By messages of their own, each
// between two frames of the link: the newest entries go ahead of those that wait, and once more in
// their turn. They move no cursor, so nothing hangs on whether one arrives.

import { encodeLiveEntries, LIVE_BYTES_TARGET, LIVE_ENTRIES_MAX } from "../state/live-entries.ts";
import { FRAME_BYTES_TARGET } from "../sync/limits.ts";
import { limits } from "./limits.ts";
import type { HubStore, OriginLink } from "./ports.ts";

/** The answer to a message whose entries are held by the origin now. */
const JOINED = 1;

/** What a live link needs of its hub. */
export type LiveStore = Pick<
  HubStore,
  "extent" | "unackedBytes" | "entriesAfter" | "sendAhead" | "holdAhead"
>;

/** The way of a hub's newest readings. */
export class LiveLink {
  readonly #store: LiveStore;
  readonly #origin: OriginLink;
  readonly #now: () => number;
  readonly #behindBytes: number;
  /** The last entry that went ahead; null while nothing has to. */
  #sent: number | null = null;
  #sentMs = -Infinity;

  /** @param behindBytes Bytes that wait past which entries go ahead. */
  constructor(
    store: LiveStore,
    origin: OriginLink,
    now: () => number,
    behindBytes: number = limits.liveBehindBytes,
  ) {
    this.#store = store;
    this.#behindBytes = behindBytes;
    this.#origin = origin;
    this.#now = now;
  }

  /** Bytes that a frame of the link takes: fewer while others go ahead of it. */
  get frameBytes(): number {
    return this.#isBehind ? limits.backlogFrameBytes : FRAME_BYTES_TARGET;
  }

  get #isBehind(): boolean {
    return this.#store.unackedBytes() > this.#behindBytes;
  }

  /** The way of the link's frames, with what is new sent between them. */
  between(frames: OriginLink): OriginLink {
    return {
      exchange: async (request) => {
        const outcome = await frames.exchange(request);
        if (outcome.kind === "answered") await this.send();
        return outcome;
      },
    };
  }

  /**
   * Sends what is new since the last time, if more waits than the next frames take. To be called when
   * the origin has answered; what it does not answer goes in its turn.
   */
  async send(): Promise<void> {
    if (!this.#isBehind) {
      this.#sent = null;
      return;
    }
    if (this.#now() - this.#sentMs < limits.liveEveryMs) return;
    this.#sentMs = this.#now();
    let head = 0;
    for (let turn = 0; turn < limits.liveMessagesMax; turn += 1) {
      ({ head } = this.#store.extent());
      const entries = this.#next();
      const [first, last] = [entries[0], entries.at(-1)];
      if (first === undefined || last === undefined) return;
      // Before it goes: whoever gives up entries has to know which ones may have arrived.
      this.#store.sendAhead(first.seq, last.seq);
      const outcome = await this.#origin.exchange(encodeLiveEntries(entries));
      if (outcome.kind !== "answered" || outcome.frame[0] !== JOINED) {
        this.#sent = null;
        return;
      }
      this.#store.holdAhead(first.seq, last.seq);
      this.#sent = last.seq;
    }
    // More comes than goes ahead: what is newest does, the rest goes in its turn.
    if (this.#sent !== null && this.#sent < head) this.#sent = head - 1;
  }

  #next(): ReturnType<HubStore["entriesAfter"]> {
    const { head } = this.#store.extent();
    const after = Math.max(this.#sent ?? 0, head - LIVE_ENTRIES_MAX, 0);
    return this.#store.entriesAfter(after, LIVE_BYTES_TARGET, LIVE_ENTRIES_MAX);
  }
}
