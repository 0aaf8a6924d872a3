// What does the hub's end of a link make of an up-frame? Accepted at its own position only; a gap by
// the floor, clocks ahead, what the edge holds, and what to answer to bytes that cannot be read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../sync/brand.ts";
import { AHEAD_MS_MAX } from "../../../../sync/clock/hlc.ts";
import {
  answerUnreadable,
  judge,
  openLink,
  type HubLinkRecord,
  type Verdict,
} from "../../../../sync/link/hub.ts";
import { entryDigest, LOG_LANE } from "../../../../sync/wire/log-lane.ts";
import {
  digestOf,
  ORIGIN_POSITION,
  VERSIONS,
  type FrameError,
} from "../../../../sync/wire/frame.ts";
import { encodeUpFrame, type UpFrame } from "../../../../sync/wire/up-frame.ts";

const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);
const NOW = 1_000_000;
const CURSOR = { seq: 3, digest: 33 };
const ACKED = { seq: 4, digest: 44 };
const TOLD = { seq: 6, digest: 66 };

const RECORD: HubLinkRecord = {
  link: 5,
  replica: REPLICA,
  replicaEpoch: 7,
  cursor: CURSOR,
  head: 3,
  acked: ACKED,
  told: TOLD,
  seenMs: 1,
  lostEntries: 2,
};

function entry(seq: number, stampMs = NOW) {
  return { seq, stampMs, body: Uint8Array.of(seq) };
}

function frame(fields: Partial<UpFrame> = {}): UpFrame {
  return {
    speaker: { kind: "link", link: 5 },
    floor: 1,
    head: 9,
    sentMs: NOW,
    from: CURSOR,
    to: 3,
    ack: ACKED,
    isKeyless: true,
    log: [],
    groups: [],
    ...fields,
  };
}

function verdictOn(fields: Partial<UpFrame> = {}): Verdict {
  const up = frame(fields);
  return judge(RECORD, up, encodeUpFrame(up), NOW, LOG_LANE);
}

function accepted(fields: Partial<UpFrame> = {}): Extract<Verdict, { kind: "accepted" }> {
  const verdict = verdictOn(fields);
  assert.ok(verdict.kind === "accepted");
  return verdict;
}

test("a frame without anything leaves the position, and says that the edge is there", () => {
  const { record, lostEntries } = accepted();
  assert.deepEqual(record, { ...RECORD, head: 9, seenMs: NOW, toldBefore: undefined });
  assert.equal(lostEntries, 0);
});

test("a frame ends at the digest of its last log entry, if that is its end, else at its own", () => {
  const log = [entry(4), entry(5)];
  assert.deepEqual(accepted({ to: 5, log }).record.cursor, {
    seq: 5,
    digest: entryDigest(entry(5)),
  });
  const up = frame({ to: 6, log });
  assert.deepEqual(accepted({ to: 6, log }).record.cursor, {
    seq: 6,
    digest: digestOf(encodeUpFrame(up)),
  });
});

for (const [what, from] of [
  ["before the hub's position", { seq: 2, digest: 22 }],
  ["after it", { seq: 4, digest: 44 }],
  ["at its seq in another history", { seq: 3, digest: 34 }],
] as const)
  test(`a frame that begins ${what} is not applied: the hub says where it is`, () => {
    assert.deepEqual(verdictOn({ from, to: 8 }), {
      kind: "refused",
      answer: { outcome: "at", link: 5, at: CURSOR, hubNowMs: NOW, state: null },
    });
  });

test("P2 a frame that comes twice is applied once", () => {
  const up = frame({ to: 4, log: [entry(4)] });
  const first = judge(RECORD, up, encodeUpFrame(up), NOW, LOG_LANE);
  assert.ok(first.kind === "accepted");
  const second = judge(first.record, up, encodeUpFrame(up), NOW, LOG_LANE);
  assert.ok(second.kind === "refused");
  assert.deepEqual([second.answer.outcome, second.answer.at], ["at", first.record.cursor]);
});

test("a stamp that is too far ahead refuses the whole frame and tells the time", () => {
  const stamped = (stampMs: number): Verdict =>
    verdictOn({ to: 5, log: [entry(4), entry(5, stampMs)] });
  assert.equal(stamped(NOW + AHEAD_MS_MAX).kind, "accepted");
  const refused = stamped(NOW + AHEAD_MS_MAX + 1);
  assert.ok(refused.kind === "refused");
  assert.deepEqual(
    [refused.answer.outcome, refused.answer.at, refused.answer.hubNowMs],
    ["clock-ahead", CURSOR, NOW],
  );
});

for (const [what, floor, to, lost] of [
  ["a floor at the next entry", 4, 6, 0],
  ["a floor that leaves two out", 6, 8, 2],
  ["a floor past the frame's end", 20, 6, 3],
  ["an old floor", 1, 6, 0],
] as const)
  test(`${what}: ${lost} entries are lost, and the link goes on`, () => {
    const { record, lostEntries } = accepted({ floor, to, head: 30 });
    assert.deepEqual([lostEntries, record.lostEntries, record.cursor.seq], [lost, 2 + lost, to]);
  });

for (const [what, ack, from] of [
  ["what it was known to hold", ACKED, ACKED],
  ["what it was told last", TOLD, TOLD],
  ["something else at that seq", { ...TOLD, digest: 1 }, ORIGIN_POSITION],
  ["nothing", ORIGIN_POSITION, ORIGIN_POSITION],
  ["more than was ever told", { seq: 99, digest: 9 }, ORIGIN_POSITION],
] as const)
  test(`an edge that holds ${what} is told from ${from.seq}`, () => {
    assert.deepEqual(accepted({ ack }).record.acked, from);
  });

test("a link that is opened misses nothing before its floor, and holds nothing", () => {
  const record = openLink(9, { replica: REPLICA, replicaEpoch: 7 }, frame({ floor: 6 }), NOW);
  assert.deepEqual(
    [record.link, record.cursor, record.acked, record.told, record.lostEntries],
    [9, { seq: 5, digest: 0 }, ORIGIN_POSITION, ORIGIN_POSITION, 0],
  );
});

const UNREAD: readonly (readonly [FrameError, string | null, number])[] = [
  ["no-dictionary", "unreadable", 0],
  ["unknown-version", "unsupported", 1],
  ["too-large", null, 0],
  ["not-a-frame", null, 0],
  ["wrong-checksum", null, 0],
  ["broken-frame", null, 0],
];
for (const [error, outcome, link] of UNREAD)
  test(`bytes that are ${error} are answered with ${outcome ?? "nothing"}`, () => {
    const answer = answerUnreadable(error, NOW, VERSIONS);
    assert.deepEqual(
      answer,
      outcome === null ? null : { outcome, link, at: ORIGIN_POSITION, hubNowMs: NOW, state: null },
    );
  });
