// How does a hub's journal look to its link? As a log: each row is an entry, told apart from any
// other row of its number by its checksum.

import type { ReplicaId } from "../sync/brand.ts";
import { assert } from "../sync/assert.ts";
import { FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX } from "../sync/limits.ts";
import { heldLog } from "../sync/link/held-log.ts";
import { newLife, type Cut, type EdgeLinkRecord, type HeldLog } from "../sync/link/edge.ts";
import { entryDigest } from "../sync/wire/log-lane.ts";
import type { DownState } from "../sync/wire/down-frame.ts";
import type { HubStore } from "./ports.ts";
import type { LinkedReplica } from "./replicate.ts";
import { restampJournal } from "./restamp-journal.ts";

/** One hub's end of its link. */
export class JournalReplica implements LinkedReplica {
  readonly #store: HubStore;
  readonly #replica: ReplicaId;
  readonly #newEpoch: () => number;
  readonly #onAcked: (bytes: number) => void;
  readonly #frameBytes: () => number;

  /**
   * @param newEpoch Draws a new replicaEpoch: random, 1 to 2^32 - 1.
   * @param onAcked Told how many bytes of journal the origin has come to hold.
   * @param frameBytes Bytes of entries that a frame takes now.
   */
  constructor(
    store: HubStore,
    replica: ReplicaId,
    newEpoch: () => number,
    onAcked: (bytes: number) => void = () => undefined,
    frameBytes: () => number = () => FRAME_BYTES_TARGET,
  ) {
    this.#onAcked = onAcked;
    this.#frameBytes = frameBytes;
    this.#store = store;
    this.#replica = replica;
    this.#newEpoch = newEpoch;
  }

  get record(): EdgeLinkRecord {
    return { replica: this.#replica, ...this.#store.loadLink() };
  }

  cut(_isWhole: boolean, after: number): Cut {
    const log = this.#store.entriesAfter(after, this.#frameBytes(), FRAME_ENTRIES_MAX);
    const { head } = this.#store.extent();
    const floor = this.#store.floorAfter(after);
    return { floor, head, to: log.at(-1)?.seq ?? after, log, groups: [], latestMs: 0 };
  }

  get log(): HeldLog {
    return heldLog(this.#store.extent().floor, (seq) => this.digestAt(seq));
  }

  digestAt(seq: number): number | null {
    const { cursor } = this.#store.loadLink();
    if (seq === 0) return 0;
    if (seq === cursor.seq) return cursor.digest;
    const [entry] = this.#store.entriesAfter(seq - 1, 0, 1);
    return entry?.seq === seq ? entryDigest(entry) : null;
  }

  save({ replica, ...link }: EdgeLinkRecord, heldTo?: number): void {
    assert(replica === this.#replica, "A link's record stays with its replica");
    const before = this.#store.unackedBytes();
    this.#store.saveLink(link, heldTo);
    this.#onAcked(before - this.#store.unackedBytes());
  }

  /** The origin has nothing to tell of readings. */
  absorb(_state: DownState, record: EdgeLinkRecord): boolean {
    this.save(record);
    return true;
  }

  renew(heldTo?: number): void {
    this.save(newLife(this.#replica, this.#newEpoch(), this.#store.loadLink().clock), heldTo);
  }

  restamp(hubNowMs: number): void {
    const { cursor, clock } = this.#store.loadLink();
    // What is staged already was stamped by the clock that is wrong.
    this.#store.write();
    this.#store.transaction(() => {
      // The rows that are left are refused again, and stamped in a turn of their own.
      if (restampJournal(this.#store, cursor.seq, hubNowMs, clock.offsetMs)) this.renew();
    });
  }
}
