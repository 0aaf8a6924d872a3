// What does an edge hold, what has it done that the hub does not know, and what does it do with what
// the hub tells? Everything here is one synchronous turn and one stored row; the link's state machine
// (sync/link/edge.ts) says when.

import { compareHlc, isAhead, ZERO_HLC, type Clock, type Hlc } from "../clock/hlc.ts";
import type { ReplicaId } from "../brand.ts";
import { replicaKey } from "../crdt/lattice.ts";
import { FRAME_BYTES_TARGET } from "../limits.ts";
import { heldBefore, newLife, type Cut, type EdgeLinkRecord } from "../link/edge.ts";
import { hubTime } from "../link/hub-clock.ts";
import { sentUpTo } from "../link/sent.ts";
import type { DownState, Horizon } from "../wire/down-frame.ts";
import { ORIGIN_POSITION } from "../wire/frame.ts";
import { longestKey } from "./component.ts";
import { viewsOf, type Draft } from "./draft.ts";
import { Groups, readGroups, type ReadGroup } from "./groups.ts";
import type { Collection, Kind } from "./kind.ts";
import { Schema } from "./schema.ts";
import type { ReplicaStore } from "./store.ts";
import { StoredTable } from "./stored-table.ts";
import type { Entry, Table } from "./table.ts";
import { Timeline } from "./timeline.ts";

/** What a replica is opened with. */
export interface EdgeReplicaOptions {
  readonly replica: ReplicaId;
  readonly collections: readonly Collection[];
  readonly store: ReplicaStore;
  /** A new replicaEpoch: random, 1 to 2^32 - 1. */
  readonly newEpoch: () => number;
  readonly quantumMs?: Clock["quantumMs"];
}

/** The whole state is being told. */
interface Pull {
  readonly told: Set<string>;
  readonly horizon: Horizon;
}

/** One edge's replica. */
export class EdgeReplica {
  readonly #options: EdgeReplicaOptions;
  readonly #schema: Schema;
  readonly #stored: StoredTable;
  readonly #time: Timeline;
  #pull: Pull | null = null;
  /** Deletions that the hub has confirmed. */
  readonly #gone = new Map<string, { readonly id: number; readonly key: string }>();

  constructor(options: EdgeReplicaOptions) {
    this.#options = options;
    this.#schema = new Schema(options.collections);
    this.#stored = new StoredTable(options.store, (id) => this.#schema.get(id)?.kind.edge);
    this.#time = new Timeline(this.#stored, options.quantumMs);
    const isOther = this.#stored.fact("schema") !== this.#schema.name;
    this.#stored.hold(this.#schema.name, () => this.#time.nextSeq());
    // A life that no hub has met may have been copied and lived elsewhere: it costs nothing to end it.
    const isUnmet = this.#stored.fact("link") === undefined || this.record.link === 0;
    if (isUnmet || this.#stored.isDamaged) this.renew();
    else if (isOther) this.#pullAgain();
    this.#look();
    // What is damaged would end the life that begins now at the next start, too.
    if (this.#stored.isDamaged) this.#stored.checkpoint();
    else this.#stored.commit();
  }

  get record(): EdgeLinkRecord {
    return this.#stored.fact("link") as EdgeLinkRecord;
  }

  /** The seq of the last change. */
  get head(): number {
    return this.#time.seq;
  }

  get #table(): Table {
    return this.#stored.table;
  }

  read<View>(collection: Collection<never, View>, key: string): View | null {
    const entry = this.#table.get(collection.id, key);
    return entry === undefined ? null : (collection.kind.viewAtEdge(entry.value) as View | null);
  }

  /** Every key of a collection that is held, those of deletions too. */
  held(collection: Collection<never>): ReadonlyMap<string, unknown> {
    return this.#table.entries(collection.id);
  }

  /** Lists what there is to see of a collection. */
  readAll<View>(collection: Collection<never, View>): Map<string, View> {
    return viewsOf(this.#table.entries(collection.id), collection.kind.viewAtEdge);
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
    const stamp = this.#time.stamp(hubTime(record.clock, nowMs));
    const draft: Draft = {
      stamp,
      life: replicaKey(record.replica, record.replicaEpoch),
      read: (collection, key) => this.read(collection, key),
      write: (collection, key, delta) => this.#write(collection, key, delta),
    };
    this.#stored.attempt(
      () => change(draft),
      () => this.#look(),
    );
    return this.#time.seq;
  }

  /** Cuts what the hub does not know; with `isWhole` false nothing is said. */
  cut(
    isWhole: boolean,
    after: number = this.record.cursor.seq,
    bytesMax: number = FRAME_BYTES_TARGET,
  ): Cut {
    if (!isWhole)
      return { floor: 1, head: this.#time.seq, to: after, log: [], groups: [], latestMs: 0 };
    const groups = new Groups(bytesMax);
    const cut = { floor: 1, head: this.#time.seq, to: this.#time.seq, log: [] };
    let to = after;
    let latestMs = 0;
    for (const { collection, key, entry } of this.#table.after(after, this.#time.seq)) {
      const { kind } = this.#schema.held(collection);
      const value = kind.toUp(entry.value);
      if (!groups.hasRoom(key, kind.weigh(value)))
        return { ...cut, to, groups: groups.encode(), latestMs };
      groups.add(collection, kind.code, kind.up, key, value);
      latestMs = Math.max(latestMs, kind.stampOf(value)?.wallMs ?? 0);
      to = entry.seq;
    }
    return { ...cut, groups: groups.encode(), latestMs };
  }

  /** The lowest seq whose log entry is held; this replica has no log. */
  floor(): number {
    return 1;
  }

  /** The checksum of what was committed as `seq`; null if that is not known. */
  digestAt(seq: number): number | null {
    const { cursor } = this.record;
    if (seq === 0) return 0;
    return seq === cursor.seq ? cursor.digest : null;
  }

  /** Stores where the link stands. */
  save(record: EdgeLinkRecord): void {
    this.#saveRecord(record);
    this.#stored.commit();
  }

  /**
   * Takes in what the hub told, with the record as it is after that; all of it or nothing.
   *
   * @returns False if the frame's groups cannot be read: nothing is stored.
   */
  absorb(state: DownState, record: EdgeLinkRecord): boolean {
    const read = readGroups(state.groups, this.#schema, (kind) => kind.down);
    if (read === null) return false;
    this.#confirm(record.cursor.seq, state.to);
    if (state.from === 0 && state.horizon !== null)
      this.#pull = { told: new Set(), horizon: state.horizon };
    for (const group of read.known) this.#tell(group, state.to);
    this.#saveRecord(record);
    if (this.#pull !== null && !record.isPulling) this.#reconcile(this.#pull);
    this.#collect(state.stable);
    this.#stored.commit();
    return true;
  }

  /** Begins another life: the hub knows another history under this name, or the state is damaged. */
  renew(): void {
    const { replica } = this.#options;
    const before = this.#stored.fact("link") as EdgeLinkRecord | undefined;
    const life = newLife(replica, this.#options.newEpoch(), before?.clock, before);
    if (before !== undefined) {
      // What is known to be the hub's, though it has not told anything since, stays in its life.
      this.#confirm(before.cursor.seq, before.ack.seq);
      this.#moveCounts(before, life);
    }
    this.#saveRecord(life);
    this.#stored.commit();
  }

  /**
   * Writes anew, in its order, what was stamped too far ahead of the hub's clock, then begins another
   * life. The rest keeps its stamps: it may have come back from elsewhere, and be older than it looks.
   */
  restamp(hubNowMs: number): void {
    this.#time.restart(this.#lastStamp(hubNowMs));
    for (const { collection, key, entry } of this.#pending()) {
      const { kind } = this.#schema.held(collection);
      const before = kind.stampOf(kind.toUp(entry.value));
      if (before === null || !isAhead(before, hubNowMs)) continue;
      const value = kind.restamp(entry.value, this.#time.stamp(hubNowMs));
      this.#put(collection, key, { ...entry, value });
    }
    this.renew();
  }

  /** Writes the state's pages now, not when its rows have grown: before a copy is taken. */
  checkpoint(): void {
    this.#stored.checkpoint();
  }

  /** Looks at what is held: at the start, and after writes that were undone. */
  #look(): void {
    this.#time.look();
    for (const { id } of this.#schema.all)
      for (const [key, entry] of this.#table.entries(id))
        if (this.#isGone(id, entry)) this.#gone.set(`${id}/${key}`, { id, key });
  }

  #write(collection: Collection<never>, key: string, delta: unknown): void {
    this.#schema.check(collection, longestKey(key, this.record), "down");
    const { kind } = collection;
    const held = this.#table.get(collection.id, key);
    const before = held === undefined ? undefined : this.#asKnown(kind, held);
    // While the link begins anew, what was agreed on an entry is still known of it.
    const context = Math.max(this.record.ack.seq, held?.mark ?? 0);
    const value = kind.writeAtEdge(before, delta, context);
    if (value === null) return;
    this.#schema.checkValue(key, kind, kind.edge, value);
    this.#put(collection.id, key, { value, seq: this.#time.nextSeq(), mark: held?.mark ?? 0 });
  }

  /** An entry that is about to be written to, with what is known of its way to the hub. */
  #asKnown({ confirm, keepSent }: Kind, { value, seq }: Entry): unknown {
    const { record } = this;
    if (seq > 0 && seq <= record.cursor.seq) return confirm(value);
    return seq > 0 && seq <= sentUpTo(record) ? keepSent(value, seq) : value;
  }

  /** What was sent up to `seq` is the hub's now, which is at `hubSeq`. */
  #confirm(seq: number, hubSeq: number): void {
    for (const { collection, key, entry } of this.#table.after(0, seq)) {
      const value = this.#schema.held(collection).kind.confirm(entry.value);
      this.#put(collection, key, { value, seq: 0, mark: hubSeq });
    }
    for (const { collection, key, entry } of this.#table.after(seq, this.#time.seq)) {
      const value = this.#schema.held(collection).kind.confirmSent(entry.value, seq);
      if (value !== entry.value) this.#put(collection, key, { ...entry, value });
    }
  }

  #tell({ collection, keys, values }: ReadGroup, hubSeq: number): void {
    const { kind, direction, id } = collection;
    if (direction === "up") return;
    const isReplaced = direction === "down" && this.#pull !== null;
    for (const [i, key] of keys.entries()) {
      const told = values[i];
      this.#pull?.told.add(`${id}/${key}`);
      this.#time.observe(kind.stampOf(told));
      const held = isReplaced ? undefined : this.#table.get(id, key);
      const isPending = held !== undefined && held.seq > 0;
      const { value, isAhead } = kind.tellEdge(held?.value, told, isPending);
      const ahead = isPending ? held.seq : isAhead ? this.#time.nextSeq() : 0;
      this.#put(id, key, value === null ? null : { value, seq: isAhead ? ahead : 0, mark: hubSeq });
    }
  }

  /** The whole state was told: sends what the hub lacks, and drops what it has collected. */
  #reconcile({ told, horizon }: Pull): void {
    this.#pull = null;
    for (const { id, direction } of this.#schema.all) {
      for (const [key, held] of this.#table.entries(id)) {
        const isTold = told.has(`${id}/${key}`);
        // What was agreed on in another history is not agreed on in this one.
        const entry = isTold || held.mark <= horizon.known ? held : { ...held, mark: 0 };
        if (entry.seq > 0) this.#reframe(id, key, entry, isTold, horizon);
        else if (direction === "up" || !isTold) this.#resendOrDrop(id, key, entry, horizon);
      }
    }
  }

  #reframe(id: number, key: string, entry: Entry, isTold: boolean, horizon: Horizon): void {
    const { kind, direction } = this.#schema.held(id);
    const stamp = kind.stampOf(kind.toUp(entry.value));
    const isOld = stamp !== null && compareHlc(stamp, horizon.stamp) <= 0;
    const isLost = !isTold && direction === "both" && kind.hasTombstones;
    // The hub may have collected a later deletion of what this replica had known.
    const isDropped = isLost && isOld && isBefore(entry, horizon);
    const value = kind.reframe(entry.value, horizon.known);
    this.#put(id, key, isDropped ? null : { ...entry, value });
  }

  #resendOrDrop(id: number, key: string, entry: Entry, horizon: Horizon): void {
    const { kind, direction } = this.#schema.held(id);
    const isCollected = kind.isCollectable && isBefore(entry, horizon);
    const isDropped = direction === "down" || (direction === "both" && isCollected);
    const value = isDropped ? null : kind.resend(entry.value);
    this.#put(
      id,
      key,
      value === null ? null : { value, seq: this.#time.nextSeq(), mark: entry.mark },
    );
  }

  /** Drops deletions that every link has acknowledged. */
  #collect(stable: number): void {
    for (const { id, key } of this.#gone.values()) {
      const mark = this.#table.get(id, key)?.mark ?? 0;
      if (mark <= stable) this.#put(id, key, null);
    }
  }

  /** Moves to the new life what names the old one and is not confirmed. */
  #moveCounts(before: EdgeLinkRecord, life: EdgeLinkRecord): void {
    const old = replicaKey(before.replica, before.replicaEpoch);
    const lives = { old, next: replicaKey(life.replica, life.replicaEpoch) };
    for (const { collection, key, entry } of this.#pending()) {
      const { kind } = this.#schema.held(collection);
      for (const renewed of kind.renew(key, entry.value, lives) ?? []) {
        const mark = renewed.key === key ? entry.mark : 0;
        const { value } = renewed;
        this.#put(
          collection,
          renewed.key,
          value === null ? null : { value, seq: this.#time.nextSeq(), mark },
        );
      }
    }
  }

  #pending(): Iterable<{ collection: number; key: string; entry: Entry }> {
    return this.#table.after(0, this.#time.seq);
  }

  /** The latest stamp that the hub accepts, or has accepted. */
  #lastStamp(hubNowMs: number): Hlc {
    let last = ZERO_HLC;
    for (const { id, kind } of this.#schema.all) {
      for (const { value, seq } of this.#table.entries(id).values()) {
        const stamp = kind.stampOf(kind.toUp(value));
        const isAccepted = stamp !== null && (seq === 0 || !isAhead(stamp, hubNowMs));
        if (isAccepted && compareHlc(stamp, last) > 0) last = stamp;
      }
    }
    return last;
  }

  #pullAgain(): void {
    const { record } = this;
    this.#saveRecord({ ...record, ...heldBefore(record), ack: ORIGIN_POSITION, isPulling: true });
  }

  #saveRecord(record: EdgeLinkRecord): void {
    if (JSON.stringify(record) !== JSON.stringify(this.#stored.fact("link")))
      this.#stored.state("link", record);
  }

  #put(id: number, key: string, entry: Entry | null): void {
    this.#stored.put(id, key, entry);
    if (entry !== null && this.#isGone(id, entry)) this.#gone.set(`${id}/${key}`, { id, key });
    else this.#gone.delete(`${id}/${key}`);
  }

  #isGone(id: number, { value, seq }: Entry): boolean {
    const { kind, direction } = this.#schema.held(id);
    return seq === 0 && direction !== "up" && kind.isCollectable && kind.isGone(value);
  }
}

/** Tells whether the two ends agreed on an entry, in the history that both have, before the horizon. */
function isBefore({ mark }: Entry, { seq, known }: Horizon): boolean {
  return mark > 0 && mark <= Math.min(seq, known);
}
