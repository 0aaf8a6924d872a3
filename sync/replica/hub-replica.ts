// What does the hub do with a frame of one of its edges? Applies what is new, tells what the edge
// lacks, forgets what all have acknowledged: one synchronous turn and one stored row.

import { laterOf, ZERO_HLC } from "../clock/hlc.ts";
import { replicaKey } from "../crdt/lattice.ts";
import type { ReplicaId } from "../brand.ts";
import { answerUnreadable, judge, NO_LINK, openLink, refuse } from "../link/hub.ts";
import { KeyDictionary } from "../wire/dictionary.ts";
import { encodeDown, type DownFrame, type DownState } from "../wire/down-frame.ts";
import type { HubEncoding } from "../wire/encoding.ts";
import { digestOf, VERSIONS, type FrameError, type Versions } from "../wire/frame.ts";
import { decodeUp, type ReceivedUpFrame } from "../wire/up-frame.ts";
import type { Draft } from "./draft.ts";
import { readGroups, wallMsOf, type Said } from "./groups.ts";
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
import type { Collection, Kind, Sender } from "./kind.ts";
import { Replica, type ReplicaOptions } from "./replica.ts";
import { NO_EXCHANGE, Sessions, type Session } from "./sessions.ts";
import type { Entry } from "./table.ts";

/** What a hub is opened with. */
export interface HubReplicaOptions extends ReplicaOptions {
  /** Random, 1 to 2^32 - 1: names a link. */
  readonly newNumber: () => number;
  /** How long a silent link is waited for before what it has not acknowledged is forgotten. */
  readonly leaseMs: number;
  readonly versions?: Versions;
  /** Hears of entries that a collection's rule did not let in. */
  readonly onRefused?: (refused: readonly RefusedEntry[]) => void;
}

/** An entry that was not taken. */
export interface RefusedEntry {
  readonly collection: number;
  readonly key: string;
  readonly replica: string;
  readonly reason: string;
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
export class HubReplica extends Replica {
  readonly #options: HubReplicaOptions;
  readonly #versions: Versions;
  /** How its links' frames are read and answered: plainly, or as an encoding that is set here does. */
  up: HubEncoding["up"] = decodeUp;
  down: HubEncoding["down"] = encodeDown;
  readonly #links: HubLinks;
  readonly #kept: Kept;
  readonly #sessions = new Sessions();
  #collectedTo = 0;

  constructor(options: HubReplicaOptions) {
    super(options, "hub", isPassing);
    this.#options = options;
    this.#versions = options.versions ?? VERSIONS;
    this.#links = new HubLinks(this.stored, options.leaseMs);
    this.#kept = new Kept(this.stored);
    if (this.head === 0) this.stored.nextSeq(); // Who holds seq 0 is told everything.
    if (!this.isWhole) this.#links.forgetAll();
    this.stored.hold();
    this.#adopt();
    this.stored.commit();
  }

  /** False if something that was stored could not be read. */
  get isWhole(): boolean {
    return !this.stored.isDamaged;
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

  /**
   * Commits writes of the hub itself: durable when it returns; all of them or, if it throws, none.
   *
   * @returns The hub's seq that an edge's `ack` reaches once it holds them.
   * @throws RangeError for a collection whose entries only the edges write, or too long a key.
   */
  write(nowMs: number, change: (draft: Draft) => void): number {
    return this.commit(nowMs, replicaKey("hub", 0), change);
  }

  /** Takes one request of a link and gives the answer; what it says is stored before. */
  exchange(bytes: Uint8Array, nowMs: number): Exchange {
    const keysOf = (link: number): KeyDictionary =>
      this.#links.get(link) ? this.#sessions.of(link).up : new KeyDictionary();
    const decoded = this.up(bytes, keysOf, this.#versions);
    if (!decoded.ok) return this.#answerUnreadable(decoded.error, nowMs);
    const frame = decoded.value;
    const { speaker } = frame;
    if (speaker.kind === "hello") return this.#greet(frame, speaker, nowMs);
    const record = this.#links.get(speaker.link);
    if (!record) return this.#answer(refuse("unknown", NO_LINK, nowMs), frame);
    const session = this.#sessions.of(record.link);
    const again = session.replay(bytes);
    if (again) return { kind: "answered", answer: again, outcome: "applied", frame };
    return this.#apply(record, session, frame, bytes, nowMs);
  }

  /** Opens a link for a life: where it stands, if it has a past. */
  #greet(frame: ReceivedUpFrame, life: Life, nowMs: number): Exchange {
    const { replica } = life;
    // The newest link of this life.
    const known = this.#links
      .of(replica)
      .findLast(({ replicaEpoch }) => replicaEpoch === life.replicaEpoch);
    if (known && isLivedElsewhere(known, frame.from))
      return this.#answer(refuse("at", known, nowMs), frame);
    if (!known && !this.#links.makeRoom(nowMs))
      return { kind: "no-room", reason: "no-room", replica };
    const held = this.#links.heldTo(replica, frame.ack);
    if (known?.isDormant) this.#links.remove(known);
    const link = known && !known.isDormant ? known.link : this.#options.newNumber();
    const past = known && { cursor: known.cursor, toldBefore: toldOn(known) };
    const opened = { ...openLink(link, life, frame, nowMs), ...past, settled: 0, held };
    this.#links.expireIfDue(nowMs);
    this.#links.save(opened);
    return this.#answer(refuse("open", opened, nowMs), frame);
  }

  #apply(
    record: StateLinkRecord,
    session: Session,
    frame: ReceivedUpFrame,
    bytes: Uint8Array,
    nowMs: number,
  ): Exchange {
    const { link, replica } = record;
    const verdict = judge(record, frame, bytes, nowMs);
    if (verdict.kind === "refused") return this.#answer(verdict.answer, frame);
    if (session.isLate(frame, record)) return this.#answer(refuse("at", record, nowMs), frame);
    const read = readGroups(frame.groups, this.schema, "up");
    if (!read) return { kind: "not-a-frame", reason: "broken-frame" };
    const limitMs = this.time.limitMs(nowMs);
    // Stamps of what is not known cannot be read: their author's clock speaks for them.
    const isAhead =
      (read.unknown.length > 0 && frame.sentMs > limitMs) ||
      read.known.some((said) => wallMsOf(said) > limitMs);
    if (isAhead) {
      // Its author stamps anew and begins another life: the same bytes must not be applied later.
      this.#links.forget(record);
      return this.#answer(refuse("clock-ahead", record, nowMs), frame);
    }
    if (!this.#kept.hasRoom(read.unknown)) return this.#answerUnreadable("unknown-version", nowMs);
    session.hear(frame);
    const before = this.head;
    this.#admit(read.known, { replica, nowMs }, limitMs, link, link);
    this.#kept.keep(link, read.unknown, limitMs);
    // An edge that has nothing left to send will not refer to what it knew before.
    const { acked } = verdict.record;
    const isAll = frame.to === frame.head;
    const all = { settled: acked.seq, wholeTo: Math.max(frame.to, frame.floor - 1) };
    const held = heldBy(verdict.record, frame.ack);
    const accepted = { ...verdict.record, ...(isAll && all), held };
    this.#links.save(accepted);
    this.#links.expireIfDue(nowMs);
    this.#collect(before);
    const answer = this.#tell(accepted, session, frame.version, nowMs);
    // A request that changes nothing, and is answered with nothing, may be asked anew.
    const isEmpty = frame.to === frame.from.seq && this.head === acked.seq;
    session.last = isEmpty ? NO_EXCHANGE : { request: bytes, answer };
    this.#sessions.trim((known) => this.#links.get(known) !== undefined);
    this.stored.commit();
    return { kind: "answered", answer, outcome: "applied", frame };
  }

  /**
   * Takes in what a link sent, as far as the rules let it. What a collection's rule refuses is left
   * out, entry by entry: whoever may speak on a link may still not write what no reader could make
   * sense of, and one bad entry never stops the others (P3). The sender goes on; it holds what was
   * refused alone.
   *
   * @param holder The link that holds it, and need not be told; 0: none.
   */
  #admit(
    said: readonly Said[],
    sender: Sender,
    limitMs: number,
    link: number,
    holder: number,
  ): void {
    const refused: RefusedEntry[] = [];
    for (const [collection, entries] of Map.groupBy(said, (entry) => entry.collection)) {
      const { kind, direction, id } = collection;
      const held = this.stored.entries(collection);
      const refusalOf = refusalsOf(collection, held, sender, limitMs);
      for (const { key, value: sent } of direction === "down" ? [] : entries) {
        const reason = refusalOf(key, sent);
        if (reason !== null) {
          refused.push({ collection: id, key, replica: sender.replica, reason });
          continue;
        }
        const at = { link, seq: this.head + 1 };
        const heard = kind.tellHub(held.get(key)?.value, sent, at);
        this.time.observe(kind.stampOf?.(sent));
        if (heard) this.change(collection, key, heard.value, heard.isTheirs ? holder : 0);
      }
    }
    if (refused.length > 0) this.#options.onRefused?.(refused);
  }

  /** Answers with what the edge lacks, as far as one frame reaches. */
  #tell(record: StateLinkRecord, session: Session, version: number, nowMs: number): Uint8Array {
    const { link, replica, cursor, held, acked: from } = record;
    const isAll = isPulled(record);
    const { to, groups } = this.gather(from.seq, (held) => {
      const { collection, entry } = held;
      const { direction, kind } = collection;
      // What came from an edge is not told to it, unless it may have lost it.
      const isTold = direction !== "up" && (entry.mark !== link || isAll);
      return isTold
        ? kind.tell
          ? kind.tell(held, this.stored, replica)
          : { ...held, value: kind.toDown(entry.value) }
        : null;
    });
    const horizon = from.seq === 0 ? { ...this.#collected(), known: held?.seq ?? 0 } : null;
    const { head } = this;
    const state: DownState = { from: from.seq, to, head, stable: this.#stable, horizon, groups };
    const answer = this.down(
      { outcome: "applied", link, at: cursor, hubNowMs: nowMs, state },
      version,
      session.down,
      session.keysAt(from, record.told),
    );
    session.toldKeys = session.down.size;
    const told = to === from.seq ? from : { seq: to, digest: digestOf(answer) };
    this.#links.save(afterTelling(record, told, head));
    return answer;
  }

  protected override longest(key: string): string {
    return key;
  }

  protected override written(
    { writeAtHub }: Kind,
    held: Entry | undefined,
    delta: unknown,
  ): unknown {
    return writeAtHub(held?.value, delta, this.head + 1);
  }

  /** The seq that every link has acknowledged. */
  get #stable(): number {
    return this.stored.fact<number>("stable") ?? 0;
  }

  /** Forgets deletions and additions that every link has acknowledged. */
  #collect(before: number): void {
    this.stored.state("stable", Math.max(this.#stable, this.#links.stable(this.head)));
    // What a link has just said, it may take back before it is told anything.
    const stable = Math.min(this.#stable, before);
    if (stable <= this.#collectedTo) return;
    this.#collectedTo = stable;
    for (const { collection, key, entry } of this.stored.passing.values()) {
      const { kind } = collection;
      const value = kind.stabilize(entry.value, entry.seq, stable);
      if (value === entry.value) continue;
      if (value === null) {
        const { seq, stamp } = this.#collected();
        const deleted = kind.stampOf?.(kind.toDown(entry.value));
        const last = { seq: Math.max(seq, entry.seq), stamp: laterOf(stamp, deleted) };
        this.stored.state("collected", last);
      }
      this.stored.put(collection, key, value === null ? null : { ...entry, value });
    }
  }

  #collected(): Collected {
    return this.stored.fact<Collected>("collected") ?? { seq: 0, stamp: ZERO_HLC };
  }

  /** Applies what was kept of collections that are known by now. */
  #adopt(): void {
    for (const { link, limitMs, group } of this.#kept.take((kept) => this.schema.find(kept))) {
      const read = readGroups([group], this.schema, "up");
      const { replica = "", seenMs: nowMs = 0 } = this.#links.get(link) ?? {};
      // Its author may have dropped it, when it was told everything and this was not in it.
      this.#admit(read?.known ?? [], { replica, nowMs }, limitMs, link, 0);
    }
  }

  /** Says what nothing more is stored for. */
  #answer(answer: DownFrame, frame: ReceivedUpFrame | null): Exchange {
    this.stored.commit();
    const version = frame?.version ?? this.#versions.min;
    const encoded = this.down(answer, version);
    return { kind: "answered", answer: encoded, outcome: answer.outcome, frame };
  }

  #answerUnreadable(error: FrameError, nowMs: number): Exchange {
    const answer = answerUnreadable(error, nowMs, this.#versions);
    return answer ? this.#answer(answer, null) : { kind: "not-a-frame", reason: error };
  }
}

/** Tells why an entry is refused: by the collection's rule, or stamped later than `limitMs`. */
function refusalsOf(
  collection: Collection,
  held: ReadonlyMap<string, unknown>,
  sender: Sender,
  limitMs: number,
): (key: string, value: unknown) => string | null {
  const byRule = collection.rule?.(held, sender);
  return (key, value) =>
    wallMsOf({ collection, value }) > limitMs ? "clock-ahead" : (byRule?.(key, value) ?? null);
}

/** A deletion in a collection that only the edges write is not told to them: it stays. */
function isPassing({ kind, direction }: Collection, { value, seq }: Entry): boolean {
  return direction !== "up" && kind.stabilize(value, seq, Infinity) !== value;
}
