// What does the edge's end of a link do with each event in each phase? The whole table, and what
// keeps a link safe: byte-identical retries, bounds of the back-off, and a new epoch when in doubt.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../sync/brand.ts";
import type { LogEntry } from "../../../../sync/crdt/batch-log.ts";
import {
  openEdgeLink,
  stepEdgeLink,
  type EdgeLink,
  type EdgeLinkEffect,
  type EdgeLinkEvent,
  type EdgeLinkStep,
} from "../../../../sync/link/edge.ts";
import { decodeUpFrame, encodeDownFrame, type DownFrame } from "../../../../sync/wire/frame.ts";

const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);
const RETRY = { retryMsMin: 250, retryMsMax: 2_000 };
const JOURNAL = { floor: 1, head: 9 };
const EPOCH = 7;

function entries(from: number, to: number): LogEntry[] {
  return Array.from({ length: to - from }, (_, i) => ({
    seq: from + i + 1,
    stampMs: 1000 + from + i,
    body: Uint8Array.of(from + i),
  }));
}
const step = (state: EdgeLink, event: EdgeLinkEvent): EdgeLinkStep =>
  stepEdgeLink(state, event, RETRY);

function answer(fields: Partial<DownFrame>, journal = JOURNAL): EdgeLinkEvent {
  const frame = encodeDownFrame({
    outcome: "applied",
    replicaEpoch: EPOCH,
    cursor: 0,
    hubNowMs: 5,
    ...fields,
  });
  return { kind: "answer", frame, journal };
}

const wake = (journal = JOURNAL): EdgeLinkEvent => ({
  kind: "wake",
  journal,
  nowMs: 5,
  isHeartbeat: false,
});
const heartbeat = (journal = JOURNAL): EdgeLinkEvent => ({
  kind: "wake",
  journal,
  nowMs: 6,
  isHeartbeat: true,
});
const read = (from: number, to: number, nowMs = 5): EdgeLinkEvent => ({
  kind: "entries",
  entries: entries(from, to),
  journal: JOURNAL,
  nowMs,
});
const failed = (chance: number): EdgeLinkEvent => ({ kind: "failed", chance });

const idle = openEdgeLink(REPLICA, EPOCH, 3);
const reading = step(idle, wake()).state;
/** Entries 4 to 6 are on their way. */
const waiting = step(reading, read(3, 6)).state;

function kinds(effects: readonly EdgeLinkEffect[]): string {
  return effects.map(({ kind }) => kind).join(" ");
}

/** The journal that `idle` has brought over. */
const AT_REST = { floor: 1, head: 3 };
/** Asked at rest whether the hub still holds everything up to 3. */
const asking = step(idle, heartbeat(AT_REST)).state;

const STATES: Record<string, EdgeLink> = { idle, reading, waiting };
const TABLE: readonly (readonly [string, string, EdgeLinkEvent, string, string])[] = [
  ["idle", "wake with a backlog", wake(), "reading", "read-entries"],
  ["idle", "wake without", wake({ floor: 1, head: 3 }), "idle", "at-rest"],
  ["idle", "a heartbeat at rest", heartbeat(AT_REST), "waiting", "send"],
  ["idle", "a heartbeat with a backlog", heartbeat(), "reading", "read-entries"],
  ["idle", "entries", read(3, 6), "idle", ""],
  ["idle", "an answer", answer({ cursor: 6 }), "idle", ""],
  ["idle", "a failure", failed(0.5), "idle", ""],
  ["reading", "wake", wake(), "reading", "read-entries"],
  ["reading", "wake without a backlog", wake({ floor: 1, head: 3 }), "idle", "at-rest"],
  ["reading", "a heartbeat with a backlog", heartbeat(), "reading", "read-entries"],
  ["reading", "entries", read(3, 6), "waiting", "send"],
  ["reading", "no entries", read(3, 3), "reading", ""],
  ["reading", "an answer", answer({ cursor: 6 }), "reading", ""],
  ["reading", "a failure", failed(0.5), "reading", ""],
  ["waiting", "wake", wake(), "waiting", "send"],
  ["waiting", "a heartbeat", heartbeat(), "waiting", "send"],
  ["waiting", "entries", read(6, 7), "waiting", ""],
  ["waiting", "a failure", failed(0.5), "waiting", "set-timer"],
  [
    "waiting",
    "an answer, more to send",
    answer({ cursor: 6 }),
    "reading",
    "save-cursor read-entries",
  ],
  [
    "waiting",
    "a cursor past a shorter journal",
    answer({ cursor: 9 }, { floor: 1, head: 6 }),
    "idle",
    "renew-epoch",
  ],
  [
    "waiting",
    "the last answer",
    answer({ cursor: 6 }, { floor: 1, head: 6 }),
    "idle",
    "save-cursor at-rest",
  ],
  [
    "waiting",
    "behind",
    answer({ outcome: "behind", cursor: 1 }),
    "reading",
    "save-cursor read-entries",
  ],
  ["waiting", "diverged", answer({ outcome: "diverged", cursor: 5 }), "idle", "renew-epoch"],
  ["waiting", "a cursor past the head", answer({ cursor: 10 }), "idle", "renew-epoch"],
  [
    "waiting",
    "another epoch's answer",
    answer({ replicaEpoch: 8, cursor: 6 }),
    "waiting",
    "set-timer",
  ],
  [
    "waiting",
    "bytes that are no frame",
    { kind: "answer", frame: Uint8Array.of(1, 2, 3), journal: JOURNAL },
    "waiting",
    "set-timer",
  ],
];

for (const [phase, what, event, next, effects] of TABLE)
  test(`stepEdgeLink() while ${phase}, on ${what}: ${next}, ${effects || "nothing"}`, () => {
    const from = STATES[phase];
    assert.ok(from !== undefined);
    assert.equal(from.phase.kind, phase);
    const to = step(from, event);
    assert.equal(to.state.phase.kind, next);
    assert.equal(kinds(to.effects), effects);
    if (effects === "") assert.equal(to.state, from);
  });

test("stepEdgeLink() sends what it read, with the journal's extent, as an interval from the cursor", () => {
  assert.ok(waiting.phase.kind === "waiting");
  assert.deepEqual(decodeUpFrame(waiting.phase.request), {
    ok: true,
    value: {
      replica: REPLICA,
      replicaEpoch: EPOCH,
      floor: 1,
      head: 9,
      sentMs: 5,
      interval: { from: 3, to: 6, entries: entries(3, 6) },
    },
  });
});

test("stepEdgeLink() repeats an unanswered request byte for byte, whatever was committed since", () => {
  const again = step(step(waiting, failed(0.9)).state, wake({ floor: 4, head: 20 }));
  assert.ok(waiting.phase.kind === "waiting");
  assert.deepEqual(again.effects, [{ kind: "send", request: waiting.phase.request }]);
});

test("a heartbeat is a frame without entries behind the cursor, with the journal's extent", () => {
  assert.ok(asking.phase.kind === "waiting");
  assert.deepEqual(decodeUpFrame(asking.phase.request), {
    ok: true,
    value: {
      replica: REPLICA,
      replicaEpoch: EPOCH,
      ...AT_REST,
      sentMs: 6,
      interval: { from: 3, to: 3, entries: [] },
    },
  });
});

test("a heartbeat of a link that waits sends the entries that wait, not another frame", () => {
  assert.ok(waiting.phase.kind === "waiting");
  const { request } = waiting.phase;
  assert.deepEqual(step(waiting, heartbeat()).effects, [{ kind: "send", request }]);
});

test("a heartbeat that fails is repeated byte for byte, and what was committed since comes behind it", () => {
  assert.ok(asking.phase.kind === "waiting");
  const { request } = asking.phase;
  const tired = step(asking, failed(0.5));
  assert.equal(kinds(tired.effects), "set-timer");
  assert.deepEqual(step(tired.state, wake()).effects, [{ kind: "send", request }]);
  assert.deepEqual(step(tired.state, answer({ cursor: 3 })).effects, [
    { kind: "save-cursor", cursor: 3 },
    { kind: "read-entries", after: 3 },
  ]);
});

for (const [what, down, effects] of [
  ["that everything is held, and rests", answer({ cursor: 3 }, AT_REST), "save-cursor at-rest"],
  [
    "that the hub is behind, and reads for it",
    answer({ outcome: "behind", cursor: 1 }, AT_REST),
    "save-cursor read-entries",
  ],
  [
    "that the hub holds nothing, and reads all for it",
    answer({ outcome: "behind", cursor: 0 }, AT_REST),
    "save-cursor read-entries",
  ],
  [
    "that the hub holds more than the journal, and begins another life",
    answer({ cursor: 4 }, AT_REST),
    "renew-epoch",
  ],
] as const)
  test(`a heartbeat learns ${what}`, () =>
    assert.equal(kinds(step(asking, down).effects), effects));

test("stepEdgeLink() reads from the floor if the journal no longer holds what follows the cursor", () => {
  assert.deepEqual(step(idle, wake({ floor: 6, head: 9 })).effects, [
    { kind: "read-entries", after: 5 },
  ]);
});

test("stepEdgeLink() goes back to the hub's cursor if it is behind", () => {
  const { state, effects } = step(waiting, answer({ outcome: "behind", cursor: 1 }));
  assert.equal(state.cursor, 1);
  assert.deepEqual(effects, [
    { kind: "save-cursor", cursor: 1 },
    { kind: "read-entries", after: 1 },
  ]);
});

test("P3 stepEdgeLink() that has lost its cursor sends the entry at the hub's cursor once more, then rests", () => {
  const jump = step(waiting, answer({ cursor: 9 }));
  assert.deepEqual(jump.effects, [
    { kind: "save-cursor", cursor: 8 },
    { kind: "read-entries", after: 8 },
  ]);
  const sent = step(jump.state, read(8, 9));
  assert.equal(kinds(step(sent.state, answer({ cursor: 9 })).effects), "save-cursor at-rest");
});

test("an answer of any kind ends a row of failures", () => {
  const tired = { ...waiting, attempt: 5 };
  assert.equal(step(tired, answer({ cursor: 6 })).state.attempt, 0);
  assert.equal(step(tired, answer({ outcome: "diverged" })).state.attempt, 0);
});

function delays(chance: number): number[] {
  let state = waiting;
  return Array.from({ length: 40 }, () => {
    const next = step(state, failed(chance));
    state = next.state;
    const [effect] = next.effects;
    return effect?.kind === "set-timer" ? effect.delayMs : NaN;
  });
}

test("the back-off grows with every failure, up to its bound and no further", () => {
  assert.deepEqual(delays(1).slice(0, 6), [250, 500, 1000, 2000, 2000, 2000]);
  assert.ok(delays(1).every((delayMs) => delayMs <= RETRY.retryMsMax));
});

test("the back-off is never shorter than half of its first wait, and chance spreads it", () => {
  assert.ok(delays(0).every((delayMs) => delayMs === RETRY.retryMsMin / 2));
  assert.notDeepEqual(delays(0.3), delays(0.6));
});
