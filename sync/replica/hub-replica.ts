// What does the hub do with a frame of one of its edges? Applies what is new, tells what the edge
// lacks, forgets what all have acknowledged: one synchronous turn and one stored row.

import { compareHlc, ZERO_HLC, type Clock, type Hlc } from "../clock/hlc.ts";
import { replicaKey } from "../crdt/lattice.ts";
import type { ReplicaId } from "../brand.ts";
import { FRAME_BYTES_TARGET } from "../limits.ts";
import { answerUnreadable, judge, openLink, refuse } from "../link/hub.ts";
import type { KeyDictionary } from "../wire/dictionary.ts";
import { encodeDownFrame, type DownFrame, type DownState } from "../wire/down-frame.ts";
import {
  digestOf,
  ORIGIN_POSITION,
  VERSIONS,
  type FrameError,
  type Position,
  type Versions,
} from "../wire/frame.ts";
import { decodeUpFrame, type ReceivedUpFrame } from "../wire/up-frame.ts";
import { admit, type RefusedEntry } from "./admit.ts";
import { numberOf, viewsOf, type Draft } from "./draft.ts";
import { Groups, isAnyAhead, readGroups, type ReadGroup } from "./groups.ts";
import {
  afterTelling,
  heldBy,
  HubLinks,
  isLivedElsewhere,
  isPulled,
  toldOn,
  type StateLinkRecord,
} from "./hub-links.ts";
import { Kept } from "./kept.ts";
import type { Collection } from "./kind.ts";
import { Schema } from "./schema.ts";
import { NO_KEYS, Sessions, type Session } from "./sessions.ts";
import type { ReplicaStore } from "./store.ts";
import { StoredTable } from "./stored-table.ts";
import type { Entry } from "./table.ts";
import { Timeline } from "./timeline.ts";

/** What a hub is opened with. */
export interface HubReplicaOptions {
  readonly collections: readonly Collection[];
  readonly store: ReplicaStore;
  /** Random, 1 to 2^32 - 1: names a link. */
  readonly newNumber: () => number;
  /** How long a silent link is waited for before what it has not acknowledged is forgotten. */
  readonly leaseMs: number;
  readonly quantumMs?: Clock["quantumMs"];
  readonly versions?: Versions;
  /** Hears of entries that a collection's rule did not let in. */
  readonly onRefused?: (refused: readonly RefusedEntry[]) => void;
}

/** What an exchange came to. */
export type Exchange =
  | {
      readonly kind: "answered";
      readonly answer: Uint8Array;
      readonly outcome: DownFrame["outcome"];
      /** Null if the frame could not be read. */
      readonly frame: ReceivedUpFrame | null;
    }
  /** A link that is not known asks for room, and all are in use: nothing is stored. */
  | { readonly kind: "no-room"; readonly reason: "no-room"; readonly replica: ReplicaId }
  /** The bytes are not a frame, or not one of ours: nothing is stored. */
  | { readonly kind: "not-a-frame"; readonly reason: FrameError };

type Life = Extract<ReceivedUpFrame["speaker"], { kind: "hello" }>;

/** The latest deletion that was collected. */
type Collected = Omit<NonNullable<DownState["horizon"]>, "known">;

/** The hub's replica. */
export class HubReplica {
  readonly #options: HubReplicaOptions;
  readonly #schema: Schema;
  readonly #stored: StoredTable;
  readonly #links: HubLinks;
  readonly #kept: Kept;
  readonly #sessions = new Sessions();
  /** Entries that change once every link has acknowledged them. */
  readonly #unstable = new Map<string, { readonly id: number; readonly key: string }>();
  readonly #time: Timeline;
  #stable = 0;
  #collectedTo = 0;

  constructor(options: HubReplicaOptions) {
    this.#options = options;
    this.#schema = new Schema(options.collections);
    this.#stored = new StoredTable(options.store, (id) => this.#schema.get(id)?.kind.hub);
    this.#links = new HubLinks(this.#stored, options.leaseMs);
    this.#kept = new Kept(this.#stored);
    this.#time = new Timeline(this.#stored, options.quantumMs);
    this.#look();
    if (this.#time.seq === 0) this.#time.nextSeq(); // Who holds seq 0 is told everything.
    this.#stable = numberOf(this.#stored.fact("stable"));
    if (this.#stored.isDamaged) this.#links.forgetAll();
    this.#stored.hold(this.#schema.name, () => this.#time.nextSeq());
    this.#adopt(options);
    this.#stored.commit();
  }

  /** The seq of the last change. */
  get head(): number {
    return this.#time.seq;
  }

  /** False if something that was stored could not be read. */
  get isWhole(): boolean {
    return !this.#stored.isDamaged;
  }

  /** Bytes of entries that wait for a release that knows their collection, of KEPT_BYTES_MAX. */
  get keptBytes(): number {
    return this.#kept.bytes();
  }

  links(): StateLinkRecord[] {
    return this.#links.all();
  }

  /** Tells whether the hub holds what a link had done up to `seq`: a session's writes are read. */
  hasApplied(link: number, seq: number): boolean {
    return (this.#links.get(link)?.wholeTo ?? -1) >= seq;
  }

  read<View>(collection: Collection<never, View>, key: string): View | null {
    const entry = this.#stored.table.get(collection.id, key);
    return entry === undefined ? null : (collection.kind.viewAtHub(entry.value) as View | null);
  }

  /** Every key of a collection that is held, those of deletions too. */
  held(collection: Collection<never>): ReadonlyMap<string, unknown> {
    return this.#stored.table.entries(collection.id);
  }

  /** Lists what there is to see of a collection. */
  readAll<View>(collection: Collection<never, View>): Map<string, View> {
    return viewsOf(this.#stored.table.entries(collection.id), collection.kind.viewAtHub);
  }

  /**
   * Commits writes of the hub itself: durable when it returns; all of them or, if it throws, none.
   *
   * @returns The hub's seq that an edge's `ack` reaches once it holds them.
   * @throws RangeError for a collection whose entries only the edges write, or too long a key.
   */
  write(nowMs: number, change: (draft: Draft) => void): number {
    const draft: Draft = {
      stamp: this.#time.stamp(nowMs),
      life: replicaKey("hub", 0),
      read: (collection, key) => this.read(collection, key),
      write: (collection, key, delta) => this.#write(collection, key, delta),
    };
    this.#stored.attempt(() => change(draft), this.#look);
    return this.#time.seq;
  }

  /** Takes one request of a link and gives the answer; what it says is stored before. */
  exchange(bytes: Uint8Array, nowMs: number): Exchange {
    const { versions = VERSIONS } = this.#options;
    const decoded = decodeUpFrame(bytes, this.#keysOf, versions);
    if (!decoded.ok) return this.#answerUnreadable(decoded.error, nowMs);
    const frame = decoded.value;
    if (frame.speaker.kind === "hello") return this.#greet(frame, frame.speaker, nowMs);
    const record = this.#links.get(frame.speaker.link);
    if (record === undefined)
      return this.#refuse("unknown", frame, { link: 0, at: ORIGIN_POSITION }, nowMs);
    const session = this.#sessions.of(record.link);
    const again = session.replay(bytes);
    if (again !== null) return { kind: "answered", answer: again, outcome: "applied", frame };
    return this.#apply(record, session, frame, bytes, nowMs);
  }

  readonly #keysOf = (link: number): KeyDictionary =>
    this.#links.get(link) === undefined ? NO_KEYS : this.#sessions.of(link).up;

  /** Opens a link for a life: where it stands, if it has a past. */
  #greet(frame: ReceivedUpFrame, life: Life, nowMs: number): Exchange {
    const known = this.#links.find(life.replica, life.replicaEpoch);
    const isOther = known !== undefined && isLivedElsewhere(known, frame.from);
    if (isOther) return this.#refuse("at", frame, { link: known.link, at: known.cursor }, nowMs);
    if (known === undefined && !this.#links.makeRoom(nowMs))
      return { kind: "no-room", reason: "no-room", replica: life.replica };
    const held = this.#links.heldTo(life.replica, frame.ack);
    if (known?.isDormant === true) this.#links.remove(known);
    const link =
      known === undefined || known.isDormant === true ? this.#options.newNumber() : known.link;
    const opened = openLink(link, life, frame, nowMs);
    const cursor = known?.cursor ?? opened.cursor;
    this.#links.expireIfDue(nowMs);
    this.#links.save({ ...opened, cursor, settled: 0, held, ...toldOn(known) });
    return this.#refuse("open", frame, { link, at: cursor }, nowMs);
  }

  /** Writes the state's pages now, not when its rows have grown: before a copy is taken. */
  checkpoint(): void {
    this.#stored.checkpoint();
  }

  #apply(
    record: StateLinkRecord,
    session: Session,
    frame: ReceivedUpFrame,
    bytes: Uint8Array,
    nowMs: number,
  ): Exchange {
    const here = { link: record.link, at: record.cursor };
    const verdict = judge(record, frame, bytes, nowMs);
    if (verdict.kind === "refused") return this.#refuse(verdict.answer.outcome, frame, here, nowMs);
    if (session.isLate(frame, record)) return this.#refuse("at", frame, here, nowMs);
    const read = readGroups(frame.groups, this.#schema, (kind) => kind.up);
    if (read === null) return { kind: "not-a-frame", reason: "broken-frame" };
    const limitMs = this.#time.limitMs(nowMs);
    if (isAnyAhead(read, frame.sentMs, limitMs)) {
      // Its author stamps anew and begins another life: the same bytes must not be applied later.
      this.#links.forget(record);
      return this.#refuse("clock-ahead", frame, here, nowMs);
    }
    if (!this.#kept.hasRoom(read.unknown)) return this.#answerUnreadable("unknown-version", nowMs);
    session.hear(frame);
    const before = this.#time.seq;
    const sender = { replica: record.replica, nowMs };
    const { table } = this.#stored;
    for (const group of admit(read.known, sender, limitMs, table, this.#options.onRefused))
      this.#hear(group, record.link);
    this.#kept.keep(record.link, read.unknown, limitMs);
    // An edge that has nothing left to send will not refer to what it knew before.
    const isAll = frame.to === frame.head;
    const wholeTo = Math.max(frame.to, frame.floor - 1);
    const all = isAll ? { settled: verdict.tellFrom.seq, wholeTo } : {};
    const held = heldBy(record, frame.ack, verdict.tellFrom);
    const { toldBefore: _, ...past } = record;
    const accepted = { ...past, ...verdict.record, ...all, ...held };
    this.#links.save(accepted);
    this.#links.expireIfDue(nowMs);
    this.#collect(before);
    const answer = this.#tell(accepted, session, verdict.tellFrom, frame.version, nowMs);
    // A request that changes nothing, and is answered with nothing, may be asked anew.
    const isEmpty = frame.to === frame.from.seq && this.#time.seq === verdict.tellFrom.seq;
    session.last = isEmpty ? null : { request: bytes, answer };
    this.#sessions.trim((link) => this.#links.get(link) !== undefined);
    this.#stored.commit();
    return { kind: "answered", answer, outcome: "applied", frame };
  }

  #hear({ collection, keys, values }: ReadGroup, link: number, isLate = false): void {
    const { kind, direction, id } = collection;
    if (direction === "down") return;
    for (const [i, key] of keys.entries()) {
      const held = this.#stored.table.get(id, key);
      const at = { link, seq: this.#time.seq + 1 };
      const { value, isChanged, isTheirs } = kind.tellHub(held?.value, values[i], at);
      this.#time.observe(kind.stampOf(values[i]));
      const mark = isTheirs && !isLate ? link : 0;
      if (isChanged) this.#put(id, key, { value, seq: this.#time.nextSeq(), mark });
    }
  }

  /** Answers with what the edge lacks, as far as one frame reaches. */
  #tell(
    record: StateLinkRecord,
    session: Session,
    from: Position,
    version: number,
    nowMs: number,
  ): Uint8Array {
    const { link, cursor, held } = record;
    const { to, groups } = this.#cut(from.seq, link, isPulled(record, from.seq));
    const horizon = from.seq === 0 ? { ...this.#collected(), known: held?.seq ?? 0 } : null;
    const [head, stable] = [this.#time.seq, this.#stable];
    const state: DownState = { from: from.seq, to, head, stable, horizon, groups };
    const answer = encodeDownFrame(
      { outcome: "applied", link, at: cursor, hubNowMs: nowMs, state },
      session.down,
      session.keysAt(from, record.told),
      version,
    );
    session.toldKeys = session.down.size;
    const told = to === from.seq ? from : { seq: to, digest: digestOf(answer) };
    this.#links.save(afterTelling(record, from.seq, told, this.#time.seq));
    return answer;
  }

  #cut(from: number, link: number, isPulled: boolean): Pick<DownState, "to" | "groups"> {
    const groups = new Groups(FRAME_BYTES_TARGET);
    let to = from;
    for (const { collection, key, entry } of this.#stored.table.after(from, this.#time.seq)) {
      const { kind, direction } = this.#schema.held(collection);
      // What came from an edge is not told to it, unless it may have lost it.
      const isTold = direction !== "up" && (entry.mark !== link || isPulled);
      const value = isTold ? kind.toDown(entry.value) : null;
      if (isTold && !groups.hasRoom(key, kind.weigh(value))) return { to, groups: groups.encode() };
      if (isTold) groups.add(collection, kind.code, kind.down, key, value);
      to = entry.seq;
    }
    return { to: this.#time.seq, groups: groups.encode() };
  }

  #write(collection: Collection<never>, key: string, delta: unknown): void {
    this.#schema.check(collection, key, "up");
    const held = this.#stored.table.get(collection.id, key);
    const value = collection.kind.writeAtHub(held?.value, delta, this.#time.seq + 1);
    if (value === null) return;
    this.#schema.checkValue(key, collection.kind, collection.kind.hub, value);
    this.#put(collection.id, key, { value, seq: this.#time.nextSeq(), mark: 0 });
  }

  /** Forgets deletions and additions that every link has acknowledged. */
  #collect(before: number): void {
    const head = this.#links.stable(this.#time.seq);
    if (head > this.#stable) this.#stored.state("stable", (this.#stable = head));
    // What a link has just said, it may take back before it is told anything.
    const stable = Math.min(this.#stable, before);
    if (stable <= this.#collectedTo) return;
    this.#collectedTo = stable;
    for (const { id, key } of this.#unstable.values()) {
      const { kind } = this.#schema.held(id);
      const entry = this.#stored.table.get(id, key);
      if (entry === undefined) continue;
      const value = kind.stabilize(entry.value, entry.seq, stable);
      if (value === entry.value) continue;
      if (value === null) this.#noteCollected(entry, kind.stampOf(kind.toDown(entry.value)));
      this.#put(id, key, value === null ? null : { ...entry, value });
    }
  }

  #collected(): Collected {
    const none: Collected = { seq: 0, stamp: ZERO_HLC };
    return (this.#stored.fact("collected") as Collected | undefined) ?? none;
  }

  #noteCollected({ seq }: Entry, stamp: Hlc | null): void {
    const last = this.#collected();
    const isLater = stamp !== null && compareHlc(stamp, last.stamp) > 0;
    const collected = { seq: Math.max(last.seq, seq), stamp: isLater ? stamp : last.stamp };
    this.#stored.state("collected", collected);
  }

  #put(id: number, key: string, entry: Entry | null): void {
    this.#stored.put(id, key, entry);
    const name = `${id}/${key}`;
    if (entry !== null && this.#isUnstable(id, entry)) this.#unstable.set(name, { id, key });
    else this.#unstable.delete(name);
  }

  /** A deletion in a collection that only the edges write is not told to them: it stays. */
  #isUnstable(id: number, { value, seq }: Entry): boolean {
    const { kind, direction } = this.#schema.held(id);
    if (direction === "up" || !kind.isCollectable) return false;
    return kind.stabilize(value, seq, Number.MAX_SAFE_INTEGER) !== value;
  }

  readonly #look = (): void => {
    this.#time.look();
    for (const { id } of this.#schema.all)
      for (const [key, entry] of this.#stored.table.entries(id))
        if (this.#isUnstable(id, entry)) this.#unstable.set(`${id}/${key}`, { id, key });
  };

  /** Applies what was kept of collections that are known by now. */
  #adopt(options: HubReplicaOptions): void {
    const taken = this.#kept.take((group) => this.#schema.find(group) !== undefined);
    for (const { link, limitMs, group } of taken) {
      const read = readGroups([group], this.#schema, (kind) => kind.up);
      const { replica = "", seenMs: nowMs = 0 } = this.#links.get(link) ?? {};
      const { table } = this.#stored;
      const sender = { replica, nowMs };
      for (const known of admit(read?.known ?? [], sender, limitMs, table, options.onRefused))
        // Its author may have dropped it, when it was told everything and this was not in it.
        this.#hear(known, link, true);
    }
  }

  #refuse(
    outcome: DownFrame["outcome"],
    frame: ReceivedUpFrame,
    { link, at }: { readonly link: number; readonly at: Position },
    nowMs: number,
  ): Exchange {
    this.#stored.commit();
    const { answer } = refuse(outcome, link, at, nowMs);
    const encoded = encodeDownFrame(answer, undefined, 0, frame.version);
    return { kind: "answered", answer: encoded, outcome, frame };
  }

  #answerUnreadable(error: FrameError, nowMs: number): Exchange {
    const { versions = VERSIONS } = this.#options;
    const answer = answerUnreadable(error, nowMs, versions);
    if (answer === null) return { kind: "not-a-frame", reason: error };
    const encoded = encodeDownFrame(answer, undefined, 0, versions.min);
    return { kind: "answered", answer: encoded, outcome: answer.outcome, frame: null };
  }
}
