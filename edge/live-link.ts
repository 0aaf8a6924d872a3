// How does the origin come to know what is new while a backlog drains? By messages of their own, each
// between two frames of the link: the newest entries go ahead of those that wait, and once more in
// their turn. They move no cursor, so nothing hangs on whether one arrives.

import {
  encodeLiveEntries,
  hasTimeless,
  LIVE_BYTES_TARGET,
  LIVE_ENTRIES_MAX,
} from "../state/live-entries.ts";
import type { LogEntry } from "../sync/crdt/batch-log.ts";
import { FRAME_BYTES_TARGET } from "../sync/limits.ts";
import { limits } from "./limits.ts";
import type { HubStore, OriginLink } from "./ports.ts";

/** The answer to a message whose entries are held by the origin now. */
const JOINED = 1;

/** What a live link needs of its hub. */
export type LiveStore = Pick<
  HubStore,
  "extent" | "unackedBytes" | "entriesAfter" | "sendAhead" | "settleAhead"
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
  /** How long after the last time: longer with each failure. */
  #waitMs: number = limits.liveEveryMs;

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
    const sinceMs = this.#now() - this.#sentMs;
    // A clock that was set back does not say how long ago it was.
    if (sinceMs >= 0 && sinceMs < this.#waitMs) return;
    let head = 0;
    for (let turn = 0; turn < limits.liveMessagesMax; turn += 1) {
      ({ head } = this.#store.extent());
      const entries = this.#next();
      if (entries.length === 0) break;
      if (!(await this.#sendEntries(entries))) {
        this.#sent = null;
        this.#waitMs = Math.min(limits.liveRetryMsMax, this.#waitMs * 2);
        this.#sentMs = this.#now();
        return;
      }
    }
    this.#waitMs = limits.liveEveryMs;
    this.#sentMs = this.#now();
    // More comes than goes ahead: what is newest does, the rest goes in its turn.
    if (this.#sent !== null && this.#sent < head) this.#sent = head - 1;
  }

  /** Tells whether the origin holds them now; where there is no room to know it, they do not go. */
  async #sendEntries(entries: readonly LogEntry[]): Promise<boolean> {
    const [first, last] = [entries[0]?.seq ?? 0, entries.at(-1)?.seq ?? 0];
    // Before they go: whoever gives up entries has to know which ones may have arrived.
    if (!this.#store.sendAhead(first, last)) return false;
    const outcome = await this.#origin.exchange(encodeLiveEntries(entries));
    if (outcome.kind !== "answered") return false;
    const isJoined = outcome.frame[0] === JOINED;
    this.#store.settleAhead(first, last, isJoined);
    if (isJoined) this.#sent = last;
    return isJoined;
  }

  /** What is next, without readings that were given no time: in what order those come matters. */
  #next(): readonly LogEntry[] {
    const { head } = this.#store.extent();
    const after = Math.max(this.#sent ?? 0, head - LIVE_ENTRIES_MAX, 0);
    const entries = this.#store.entriesAfter(after, LIVE_BYTES_TARGET, LIVE_ENTRIES_MAX);
    const from = entries.findIndex(({ body }) => !hasTimeless(body));
    if (from === -1) {
      this.#sent = entries.at(-1)?.seq ?? this.#sent;
      return [];
    }
    const left = entries.slice(from);
    const end = left.findIndex(({ body }) => hasTimeless(body));
    return end === -1 ? left : left.slice(0, end);
  }
}
