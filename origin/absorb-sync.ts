// What does the origin do with an up-frame? Top to bottom: decide what is fresh, join its entries
// with what is held, move the cursor, answer. One transaction: readings and cursor are stored
// together or not at all (P2).

import type { LogEntry } from "../sync/crdt/batch-log.ts";
import type { ReplicaId } from "../sync/brand.ts";
import { answerUnreadable, judge, openLink } from "../sync/link/hub.ts";
import { encodeDownFrame, type DownFrame } from "../sync/wire/down-frame.ts";
import { ORIGIN_POSITION, VERSIONS, type FrameError } from "../sync/wire/frame.ts";
import { LOG_LANE } from "../sync/wire/log-lane.ts";
import { decodeUpFrame, type ReceivedUpFrame } from "../sync/wire/up-frame.ts";
import { limits } from "./limits.ts";
import type { PoisonedEntry, ReplicaStatus, ShardStore } from "./ports.ts";
import { isImpossible, joinEntries } from "./replica/join-entries.ts";

/** What a frame came to. */
export type Absorbed =
  | {
      readonly kind: "answered";
      readonly answer: Uint8Array;
      /** Null if the frame could not be read. */
      readonly replica: ReplicaId | null;
      readonly entries: number;
      /** Readings that were not held before. */
      readonly added: number;
      readonly poisoned: number;
      readonly lostEntries: number;
    }
  /** A replica that is not known yet says hello, and there is no room for another one. */
  | { readonly kind: "no-room"; readonly replica: ReplicaId }
  /** The bytes are not a frame. */
  | { readonly kind: "not-a-frame"; readonly reason: FrameError };

const NOTHING = { entries: 0, added: 0, poisoned: 0, lostEntries: 0 };

/**
 * Absorbs a frame whose seal is good.
 *
 * Should an entry of it be impossible to store, its entries are stored one by one and that one is
 * kept aside: no entry may stop the link for those behind it (P3). Any other failure is thrown, and
 * the link sends the frame again.
 *
 * @param newLink Draws the number of a new link: random, 1 to 2^32 - 1.
 */
export function absorb(
  bytes: Uint8Array,
  store: ShardStore,
  nowMs: number,
  newLink: () => number,
): Absorbed {
  const decoded = decodeUpFrame(bytes);
  if (!decoded.ok) {
    const answer = answerUnreadable(decoded.error, nowMs, VERSIONS);
    if (answer === null) return { kind: "not-a-frame", reason: decoded.error };
    return { kind: "answered", answer: encodeDownFrame(answer), replica: null, ...NOTHING };
  }
  const frame = decoded.value;
  const { speaker } = frame;
  if (speaker.kind === "hello" && !isRoomFor(speaker.replica, store, nowMs))
    return { kind: "no-room", replica: speaker.replica };
  const known =
    frame.speaker.kind === "hello"
      ? greet(frame, frame.speaker, store, nowMs, newLink)
      : store.loadReplica(frame.speaker.link);
  if (known === null || frame.speaker.kind === "hello")
    return answered(refuse(known === null ? "unknown" : "open", known, nowMs), known);
  const verdict = judge(known, frame, bytes, nowMs, LOG_LANE);
  if (verdict.kind === "refused") return answered(verdict.answer, known);
  const { record, lostEntries } = verdict;
  const status = {
    ...known,
    ...record,
    lastStampMs: frame.log.at(-1)?.stampMs ?? known.lastStampMs,
  };
  const stored = storeFrame(frame.log, status, store);
  const answer: DownFrame = {
    outcome: "applied",
    link: record.link,
    at: record.cursor,
    hubNowMs: nowMs,
    state: null,
  };
  return { ...answered(answer, known), ...stored, entries: frame.log.length, lostEntries };
}

/** One that was forgotten says hello again and sends what it holds: what is known is not counted. */
function isRoomFor(replica: ReplicaId, store: ShardStore, nowMs: number): boolean {
  return store.makeRoomFor(replica, nowMs - limits.regionLeaseMs);
}

/** Opens a link for a life; one that was opened and never used is opened again. */
function greet(
  frame: ReceivedUpFrame,
  life: Pick<ReplicaStatus, "replica" | "replicaEpoch">,
  store: ShardStore,
  nowMs: number,
  newLink: () => number,
): ReplicaStatus {
  const known = store.findReplica(life.replica, life.replicaEpoch);
  const isUsed = known !== null && known.cursor.digest !== 0;
  const link = known === null || isUsed ? newLink() : known.link;
  const status = { ...openLink(link, life, frame, nowMs), lastStampMs: 0 };
  store.saveReplica(status);
  return status;
}

function refuse(
  outcome: DownFrame["outcome"],
  known: ReplicaStatus | null,
  hubNowMs: number,
): DownFrame {
  const at = known?.cursor ?? ORIGIN_POSITION;
  return { outcome, link: known?.link ?? 0, at, hubNowMs, state: null };
}

function answered(
  answer: DownFrame,
  known: ReplicaStatus | null,
): Extract<Absorbed, { kind: "answered" }> {
  const replica = known?.replica ?? null;
  return { kind: "answered", answer: encodeDownFrame(answer), replica, ...NOTHING };
}

/** Stores the entries of a frame together with the record that says they are here. */
function storeFrame(
  entries: readonly LogEntry[],
  status: ReplicaStatus,
  store: ShardStore,
): Stored {
  try {
    return storeWith(status, store, () => storeEntries(entries, status, store));
  } catch (error) {
    if (!isImpossible(error)) throw error;
    return storeWith(status, store, () => storeOneByOne(entries, status, store));
  }
}

function storeWith(status: ReplicaStatus, store: ShardStore, storeFresh: () => Stored): Stored {
  return store.transaction(() => {
    const stored = storeFresh();
    store.saveReplica(status);
    return stored;
  });
}

interface Stored {
  readonly added: number;
  readonly poisoned: number;
}

function storeEntries(
  entries: readonly LogEntry[],
  status: ReplicaStatus,
  store: ShardStore,
): Stored {
  const { added, poison } = joinEntries(entries, store);
  for (const entry of poison) keepAside(entry, "broken-batch", status, store);
  return { added, poisoned: poison.length };
}

function storeOneByOne(
  entries: readonly LogEntry[],
  status: ReplicaStatus,
  store: ShardStore,
): Stored {
  const sum = { added: 0, poisoned: 0 };
  for (const entry of entries) {
    const stored = storeAlone(entry, store);
    if (stored.kind === "stored") {
      sum.added += stored.added;
      continue;
    }
    keepAside(entry, stored.reason, status, store);
    sum.poisoned += 1;
  }
  return sum;
}

/** What storing one entry came to: readings that were not held before, or nothing is stored. */
export type StoredAlone =
  | { readonly kind: "stored"; readonly added: number }
  | { readonly kind: "poison"; readonly reason: PoisonedEntry["reason"] };

/** Stores the readings of one entry, or says why that is not possible. */
export function storeAlone(entry: LogEntry, store: ShardStore): StoredAlone {
  try {
    return store.transaction(() => {
      const { added, poison } = joinEntries([entry], store);
      return poison.length > 0
        ? { kind: "poison", reason: "broken-batch" }
        : { kind: "stored", added };
    });
  } catch (error) {
    if (!isImpossible(error)) throw error;
    return { kind: "poison", reason: "cannot-be-stored" };
  }
}

function keepAside(
  entry: LogEntry,
  reason: PoisonedEntry["reason"],
  { replica, replicaEpoch, seenMs }: ReplicaStatus,
  store: ShardStore,
): void {
  store.poison.keep({ ...entry, replica, replicaEpoch, reason, sinceMs: seenMs });
}
