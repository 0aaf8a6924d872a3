// What does an edge hold, what has it done that the hub does not know, and what does it do with what
// the hub tells? Everything here is one synchronous turn and one stored row; the link's state machine
// (sync/link/edge.ts) says when.

import { compareHlc, isAhead, laterOf, ZERO_HLC, type Hlc } from "../clock/hlc.ts";
import type { ReplicaId } from "../brand.ts";
import { replicaKey, type ReplicaKey } from "../crdt/lattice.ts";
import { newLife, pullAnew, type Cut, type EdgeLinkRecord } from "../link/edge.ts";
import { hubTime } from "../link/hub-clock.ts";
import { sentUpTo } from "../link/sent.ts";
import type { DownState, Horizon } from "../wire/down-frame.ts";
import { longestKey } from "./component.ts";
import type { Draft } from "./draft.ts";
import { readGroups, type Said } from "./groups.ts";
import type { Collection, Kind } from "./kind.ts";
import { Replica, type ReplicaOptions } from "./replica.ts";
import { nameOf } from "./stored-table.ts";
import type { Entry, Held } from "./table.ts";

/** What an edge's replica is opened with. */
export interface EdgeReplicaOptions extends ReplicaOptions {
  readonly replica: ReplicaId;
  /** A new replicaEpoch: random, 1 to 2^32 - 1. */
  readonly newEpoch: () => number;
}

/** The whole state is being told. */
interface Pull {
  /** Names of entries. */
  readonly told: Set<string>;
  readonly horizon: Horizon;
}

/** One edge's replica. */
export class EdgeReplica extends Replica {
  readonly #options: EdgeReplicaOptions;
  #pull: Pull | null = null;

  constructor(options: EdgeReplicaOptions) {
    super(options, "edge", isPassing);
    this.#options = options;
    const isOther = this.stored.hold();
    // A life that no hub has met may have been copied and lived elsewhere: it costs nothing to end it.
    const isUnmet = !(this.record as EdgeLinkRecord | undefined)?.link;
    const { isDamaged } = this.stored;
    if (isUnmet || isDamaged) this.renew();
    else if (isOther) this.stored.state("link", pullAnew(this.record));
    // What is damaged would end the life that begins now at the next start, too.
    if (isDamaged) this.checkpoint();
    else this.stored.commit();
  }

  get record(): EdgeLinkRecord {
    return this.stored.fact("link") as EdgeLinkRecord;
  }

  /**
   * Commits writes: durable when it returns, and sent when the link is woken; all of them, or, if
   * `change` throws, none.
   *
   * @returns The seq that the hub's cursor reaches once it holds them.
   * @throws RangeError for a collection whose entries only the hub writes, too long a key, or too large
   *   a value.
   */
  write(nowMs: number, change: (draft: Draft) => void): number {
    const { record } = this;
    return this.commit(hubTime(record.clock, nowMs), lifeOf(record), change);
  }

  /** Cuts what the hub does not know; with `isWhole` false nothing is said. */
  cut(isWhole: boolean): Cut {
    const { seq: to } = this.record.cursor;
    const said = isWhole ? this.gather(to, toUp) : { to, groups: [], latestMs: 0 };
    return { floor: 1, head: this.head, log: [], ...said };
  }

  /** Stores where the link stands. */
  save(record: EdgeLinkRecord): void {
    this.stored.state("link", record);
    this.stored.commit();
  }

  /**
   * Takes in what the hub told, with the record as it is after that; all of it or nothing.
   *
   * @returns False if the frame's groups cannot be read: nothing is stored.
   */
  absorb(state: DownState, record: EdgeLinkRecord): boolean {
    const read = readGroups(state.groups, this.schema, "down");
    if (!read) return false;
    this.#confirm(record.cursor.seq, state.to);
    if (state.from === 0 && state.horizon) this.#pull = { told: new Set(), horizon: state.horizon };
    for (const said of read.known) this.#tell(said, state.to);
    this.stored.state("link", record);
    if (this.#pull && !record.isPulling) this.#reconcile(this.#pull);
    // Deletions that every link has acknowledged.
    for (const { collection, key, entry } of this.stored.passing.values())
      if (entry.mark <= state.stable) this.stored.put(collection, key, null);
    this.stored.commit();
    return true;
  }

  /** Begins another life: the hub knows another history under this name, or the state is damaged. */
  renew(): void {
    const { replica, newEpoch } = this.#options;
    const before = this.record as EdgeLinkRecord | undefined;
    const life = newLife(replica, newEpoch(), before?.clock, before);
    if (before) {
      // What is known to be the hub's, though it has not told anything since, stays in its life.
      this.#confirm(before.cursor.seq, before.ack.seq);
      this.#moveCounts(before, life);
    }
    this.save(life);
  }

  /**
   * Writes anew, in its order, what was stamped too far ahead of the hub's clock, then begins another
   * life. The rest keeps its stamps: it may have come back from elsewhere, and be older than it looks.
   */
  restamp(hubNowMs: number): void {
    this.time.restart(this.#lastStamp(hubNowMs));
    for (const { collection, key, entry } of this.stored.after(0)) {
      const { kind } = collection;
      const before = stampOf(kind, entry);
      if (!before || !isAhead(before, hubNowMs)) continue;
      const value = kind.restamp(entry.value, this.time.stamp(hubNowMs));
      this.stored.put(collection, key, { ...entry, value });
    }
    this.renew();
  }

  protected override longest(key: string): string {
    return longestKey(key, this.record);
  }

  protected override written(kind: Kind, held: Entry | undefined, delta: unknown): unknown {
    const before = held && this.#asKnown(kind, held);
    // While the link begins anew, what was agreed on an entry is still known of it.
    const context = Math.max(this.record.ack.seq, held?.mark ?? 0);
    return kind.writeAtEdge(before, delta, context);
  }

  /** An entry that is about to be written to, with what is known of its way to the hub. */
  #asKnown(kind: Kind, { value, seq }: Entry): unknown {
    const { record } = this;
    if (seq === 0) return value;
    if (seq <= record.cursor.seq) return kind.confirm?.(value) ?? value;
    return (seq <= sentUpTo(record) && kind.keepSent?.(value, seq)) || value;
  }

  /** What was sent up to `seq` is the hub's now, which is at `hubSeq`. */
  #confirm(seq: number, hubSeq: number): void {
    for (const { collection, key, entry } of this.stored.after(0, seq)) {
      const value = collection.kind.confirm?.(entry.value) ?? entry.value;
      this.stored.put(collection, key, { value, seq: 0, mark: hubSeq });
    }
    for (const { collection, key, entry } of this.stored.after(seq)) {
      const value = collection.kind.confirmSent?.(entry.value, seq);
      if (value) this.stored.put(collection, key, { ...entry, value });
    }
  }

  #tell({ collection, key, value: told }: Said, hubSeq: number): void {
    const { kind, direction } = collection;
    if (direction === "up") return;
    const isReplaced = direction === "down" && this.#pull;
    this.#pull?.told.add(nameOf(collection, key));
    this.time.observe(kind.stampOf?.(told));
    const held = isReplaced ? undefined : this.stored.get(collection, key);
    const pending = held?.seq ?? 0;
    const { value, isAhead: isMore } = kind.tellEdge(held?.value, told, pending > 0, key);
    const seq = isMore ? pending || this.stored.nextSeq() : 0;
    this.stored.put(collection, key, { value, seq, mark: hubSeq });
  }

  /** The whole state was told: sends what the hub lacks, and drops what it has collected. */
  #reconcile({ told, horizon }: Pull): void {
    this.#pull = null;
    for (const { collection, key, entry: held } of this.stored.all()) {
      const isTold = told.has(nameOf(collection, key));
      // What was agreed on in another history is not agreed on in this one.
      const entry = isTold || held.mark <= horizon.known ? held : { ...held, mark: 0 };
      const change = { collection, key, entry };
      if (entry.seq > 0) this.#reframe(change, isTold, horizon);
      else if (collection.direction === "up" || !isTold) this.#resendOrDrop(change, horizon);
    }
  }

  #reframe({ collection, key, entry }: Held, isTold: boolean, horizon: Horizon): void {
    const { kind, direction } = collection;
    const stamp = stampOf(kind, entry);
    const isOld = stamp && compareHlc(stamp, horizon.stamp) <= 0;
    const isLost = !isTold && direction === "both" && kind.hasTombstones;
    // The hub may have collected a later deletion of what this replica had known.
    const isDropped = isLost && isOld && isBefore(entry, horizon);
    const value = kind.reframe?.(entry.value, horizon.known) ?? entry.value;
    this.stored.put(collection, key, isDropped ? null : { ...entry, value });
  }

  #resendOrDrop({ collection, key, entry }: Held, horizon: Horizon): void {
    const { kind, direction } = collection;
    const isCollected = kind.isCollectable && isBefore(entry, horizon);
    const isDropped = direction === "down" || (direction === "both" && isCollected);
    const sent = kind.resend ? kind.resend(entry.value, key) : entry.value;
    const value = isDropped ? null : sent;
    this.change(collection, key, value, entry.mark);
  }

  /** Moves to the new life what names the old one and is not confirmed. */
  #moveCounts(before: EdgeLinkRecord, life: EdgeLinkRecord): void {
    const lives = { old: lifeOf(before), next: lifeOf(life) };
    for (const { collection, key, entry } of this.stored.after(0))
      for (const renewed of collection.kind.renew?.(key, entry.value, lives) ?? []) {
        const mark = renewed.key === key ? entry.mark : 0;
        this.change(collection, renewed.key, renewed.value, mark);
      }
  }

  /** The latest stamp that the hub accepts, or has accepted. */
  #lastStamp(hubNowMs: number): Hlc {
    let last = ZERO_HLC;
    for (const { collection, entry } of this.stored.all()) {
      const stamp = stampOf(collection.kind, entry);
      if (stamp && (entry.seq === 0 || !isAhead(stamp, hubNowMs))) last = laterOf(last, stamp);
    }
    return last;
  }
}

function toUp(held: Held): Said {
  return { ...held, value: held.collection.kind.toUp(held.entry.value) };
}

/** A deletion that the hub knows goes once all do. */
function isPassing({ kind, direction }: Collection, entry: Entry): boolean {
  return entry.seq === 0 && direction !== "up" && kind.viewAtEdge(entry.value) === null;
}

function lifeOf(record: EdgeLinkRecord): ReplicaKey {
  return replicaKey(record.replica, record.replicaEpoch);
}

/** The stamp of what is, or would be, sent. */
function stampOf(kind: Kind, { value }: Entry): Hlc | null | undefined {
  return kind.stampOf?.(kind.toUp(value));
}

/** Tells whether the two ends agreed on an entry, in the history that both have, before the horizon. */
function isBefore({ mark }: Entry, horizon: Horizon): boolean {
  return mark > 0 && mark <= Math.min(horizon.seq, horizon.known);
}
