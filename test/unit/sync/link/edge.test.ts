// What does the edge's end of a link do with each event in each phase? The whole table of outcomes,
// and what keeps a link safe: byte-identical retries, what was sent before a crash, another life when
// in doubt, and a back-off with bounds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../sync/brand.ts";
import {
  newLife,
  openEdgeLink,
  stepEdgeLink,
  type Cut,
  type EdgeLink,
  type EdgeLinkEffect,
  type EdgeLinkEvent,
  type EdgeLinkRecord,
  type EdgeLinkStep,
  type HeldLog,
} from "../../../../sync/link/edge.ts";
import { heldLog } from "../../../../sync/link/held-log.ts";
import { entryDigest, LOG_LANE } from "../../../../sync/wire/log-lane.ts";
import { KeyDictionary } from "../../../../sync/wire/dictionary.ts";
import {
  encodeDownFrame,
  type DownFrame,
  type DownState,
} from "../../../../sync/wire/down-frame.ts";
import { digestOf, type Group, type Position } from "../../../../sync/wire/frame.ts";
import { decodeUpFrame, type ReceivedUpFrame } from "../../../../sync/wire/up-frame.ts";

const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);
const RETRY = { retryMsMin: 250, retryMsMax: 2_000, lane: LOG_LANE };
const NOW = 1_000_000;

const CURSOR: Position = { seq: 3, digest: 33 };
const ACK: Position = { seq: 4, digest: 44 };
/** A link that has been at rest. */
const RECORD: EdgeLinkRecord = {
  ...newLife(REPLICA, 7),
  link: 5,
  cursor: CURSOR,
  ack: ACK,
  isPulling: false,
};
const GROUP: Group = { collection: 1, kind: 1, keys: ["a"], body: Uint8Array.of(1) };
const ENTRY = { seq: 4, stampMs: 1_004, body: Uint8Array.of(4) };
const NOTHING: Cut = { floor: 1, head: 3, to: 3, log: [], groups: [], latestMs: 0 };
const STATE: Cut = { ...NOTHING, head: 9, to: 6, groups: [GROUP] };
const LOG: Cut = { ...NOTHING, floor: 2, head: 9, to: 4, log: [ENTRY] };

const step = (state: EdgeLink, event: EdgeLinkEvent): EdgeLinkStep =>
  stepEdgeLink(state, event, RETRY);
const wake: EdgeLinkEvent = { kind: "wake", isHeartbeat: false };
const heartbeat: EdgeLinkEvent = { kind: "wake", isHeartbeat: true };
const cut = (what: Cut): EdgeLinkEvent => ({ kind: "cut", cut: what, nowMs: NOW });
const failed = (chance: number): EdgeLinkEvent => ({ kind: "failed", chance });

/** An answer; `held` is what this replica has committed, by seq. */
function answer(
  fields: Partial<DownFrame>,
  held: Readonly<Record<number, number>> = {},
  keys = new KeyDictionary(),
  base = 0,
): EdgeLinkEvent {
  const down = { outcome: "applied", link: 5, at: CURSOR, hubNowMs: NOW, state: null } as const;
  return {
    kind: "answer",
    frame: encodeDownFrame({ ...down, ...fields }, keys, base),
    nowMs: NOW,
    log: heldLog(1, (seq) => held[seq] ?? null),
  };
}

/** A log whose entries begin at `floor`, and are not those that are asked for. */
function logFrom(floor: number): HeldLog {
  return heldLog(floor, () => null);
}

function kinds(effects: readonly EdgeLinkEffect[]): string {
  return effects.map(({ kind }) => kind).join(" ");
}

/** Runs events; gives the last step. */
function run(record: EdgeLinkRecord, ...events: readonly EdgeLinkEvent[]): EdgeLinkStep {
  return events.reduce<EdgeLinkStep>((at, event) => step(at.state, event), {
    state: openEdgeLink(record),
    effects: [],
  });
}

function requestOf({ phase }: EdgeLink): Uint8Array {
  assert.ok(phase.kind === "waiting");
  return phase.request;
}

function sentBy(state: EdgeLink): ReceivedUpFrame {
  const frame = decodeUpFrame(requestOf(state));
  assert.ok(frame.ok);
  return frame.value;
}

const idle = openEdgeLink(RECORD);
const cutting = step(idle, wake).state;
const waiting = step(cutting, cut(STATE)).state;
const logging = step(cutting, cut(LOG)).state;
const asking = run(RECORD, heartbeat, cut(NOTHING)).state;

const TOLD: DownState = { from: 4, to: 6, head: 6, stable: 2, horizon: null, groups: [] };

const OUT_OF_PLACE: readonly (readonly [string, EdgeLink, EdgeLinkEvent])[] = [
  ["idle", idle, cut(STATE)],
  ["idle", idle, answer({})],
  ["idle", idle, failed(0.5)],
  ["cutting", cutting, answer({})],
  ["cutting", cutting, failed(0.5)],
  ["waiting", waiting, cut(STATE)],
];
for (const [phase, state, event] of OUT_OF_PLACE)
  test(`while ${phase}, ${event.kind} changes nothing`, () => {
    const { state: next, effects } = step(state, event);
    assert.equal(next, state);
    assert.deepEqual(effects, []);
  });

const TABLE: readonly (readonly [string, EdgeLink, EdgeLinkEvent, string, string])[] = [
  ["idle, woken", idle, wake, "cutting", "cut"],
  ["idle, a heartbeat", idle, heartbeat, "cutting", "cut"],
  ["cutting, woken again", cutting, wake, "cutting", "cut"],
  ["cutting, nothing to say", cutting, cut(NOTHING), "idle", "at-rest"],
  ["cutting, state to say", cutting, cut(STATE), "waiting", "save send"],
  ["cutting, log entries to say", cutting, cut(LOG), "waiting", "send"],
  ["cutting for a heartbeat", step(idle, heartbeat).state, cut(NOTHING), "waiting", "send"],
  ["waiting, woken", waiting, wake, "waiting", "send"],
  ["waiting, a heartbeat", waiting, heartbeat, "waiting", "send"],
  ["waiting, failed", waiting, failed(0.5), "waiting", "set-timer"],
  ["open", waiting, answer({ outcome: "open", link: 9 }), "cutting", "save cut"],
  ["applied", waiting, answer({ at: { seq: 6, digest: 1 } }), "cutting", "save cut"],
  ["applied, with state", waiting, answer({ state: TOLD }), "cutting", "absorb cut"],
  ["at the cursor", waiting, answer({ outcome: "at", at: CURSOR }), "cutting", "save cut"],
  ["at what was sent", waiting, answerAtSent(), "cutting", "save cut"],
  [
    "at what is held",
    logging,
    answer({ outcome: "at", at: ACK }, { 4: 44 }),
    "cutting",
    "save cut",
  ],
  ["at another history", waiting, answer({ outcome: "at", at: ACK }, { 4: 45 }), "idle", "renew"],
  ["at what is not known", waiting, answer({ outcome: "at", at: ACK }), "idle", "renew"],
  ["clock ahead", waiting, answer({ outcome: "clock-ahead" }), "idle", "restamp"],
  ["unreadable", waiting, answer({ outcome: "unreadable" }), "cutting", "cut"],
  ["unsupported", waiting, answer({ outcome: "unsupported", link: 1 }), "waiting", "set-timer"],
  ["a damaged answer", waiting, damaged(), "waiting", "set-timer"],
  [
    "state after another place",
    waiting,
    answer({ state: { ...TOLD, from: 5 } }),
    "waiting",
    "set-timer",
  ],
  ["unknown, nothing heard", asking0(), answer({ outcome: "unknown" }), "cutting", "cut"],
];

/** The hub is where the request that waits would bring it. */
function answerAtSent(): EdgeLinkEvent {
  const { sent } = waiting.record;
  assert.ok(sent !== null);
  return answer({ outcome: "at", at: sent });
}
function damaged(): EdgeLinkEvent {
  return { kind: "answer", frame: Uint8Array.of(1), nowMs: NOW };
}
/** A link of which the hub has never told anything. */
function asking0(): EdgeLink {
  return run({ ...RECORD, ack: { seq: 0, digest: 0 } }, heartbeat, cut(NOTHING)).state;
}

for (const [what, state, event, phase, effects] of TABLE)
  test(`${what}: ${phase}, ${effects}`, () => {
    const next = step(state, event);
    assert.deepEqual([next.state.phase.kind, kinds(next.effects)], [phase, effects]);
  });

test("a new life says hello, alone, before anything else", () => {
  const { state, effects } = run(newLife(REPLICA, 7), wake, cut({ ...STATE, log: [ENTRY] }));
  assert.equal(kinds(effects), "send");
  const { speaker, from, to, ack, log, groups } = sentBy(state);
  assert.deepEqual(speaker, { kind: "hello", replica: REPLICA, replicaEpoch: 7 });
  assert.deepEqual([from.seq, to, ack.seq, log, groups], [0, 0, 0, [], []]);
});

test("an opened link begins where the hub says, and pulls the whole state before it sends its own", () => {
  const at = { seq: 2, digest: 22 };
  const { state, effects } = step(waiting, answer({ outcome: "open", link: 9, at }));
  const { link, cursor, sent, ack, isPulling } = state.record;
  assert.deepEqual([link, cursor, sent, ack.seq, isPulling], [9, at, null, 0, true]);
  assert.deepEqual(effects.at(-1), { kind: "cut", after: 2, isWhole: false });
  assert.deepEqual(sentBy(step(state, cut(NOTHING)).state).speaker, { kind: "link", link: 9 });
});

test("a link that is not known says hello in its old name", () => {
  const { state } = step(asking0(), answer({ outcome: "unknown" }));
  const { speaker } = sentBy(step(state, cut(STATE)).state);
  assert.deepEqual(speaker, { kind: "hello", replica: REPLICA, replicaEpoch: 7 });
});

test("a replica whose link is not known says hello from where it stands", () => {
  const unknown = answer({ outcome: "unknown" });
  const again = step(asking, unknown);
  assert.equal(kinds(again.effects), "cut");
  const { from, speaker } = sentBy(step(again.state, cut(NOTHING)).state);
  assert.deepEqual([speaker.kind, from], ["hello", CURSOR]);
});

test("a replica whose life the hub does not remember renews", () => {
  const greeting = step(step(asking, answer({ outcome: "unknown" })).state, cut(NOTHING)).state;
  const forgotten = answer({ outcome: "open", link: 9, at: { seq: 0, digest: 0 } });
  assert.equal(kinds(step(greeting, forgotten).effects), "renew");
});

test("a hello that is told where its life has come to is that of a clone: it renews", () => {
  const greeting = run(newLife(REPLICA, 7), wake, cut(NOTHING)).state;
  const lived = answer({ outcome: "at", at: CURSOR }, { 3: 33 });
  assert.equal(kinds(step(greeting, lived).effects), "renew");
});

test("a frame says what was cut, after the cursor, with what this end holds", () => {
  const frame = sentBy(logging);
  assert.deepEqual(
    [frame.speaker, frame.from, frame.to, frame.ack, frame.floor, frame.head, frame.sentMs],
    [{ kind: "link", link: 5 }, CURSOR, 4, ACK, 2, 9, NOW],
  );
  assert.deepEqual([frame.log, frame.groups, frame.isKeyless], [[ENTRY], [], true]);
});

test("what is sent of state is saved before, as where the hub will be; a log needs no such note", () => {
  const { effects, state } = step(cutting, cut(STATE));
  const sent = { seq: 6, digest: digestOf(requestOf(state)) };
  assert.deepEqual(effects[0], {
    kind: "save",
    record: { ...RECORD, sent, earlier: undefined },
  });
  assert.deepEqual(kinds(step(cutting, cut(LOG)).effects), "send");
  assert.equal(logging.record.sent, null);
});

test("a retry is the same bytes, whatever was committed since", () => {
  const tired = step(waiting, failed(0.9)).state;
  const again = step(tired, wake);
  assert.deepEqual(again.effects, [{ kind: "send", request: requestOf(waiting) }]);
});

test("P3 after a crash, a link that had sent state asks first, with a frame that says nothing", () => {
  const { sent } = waiting.record;
  assert.ok(sent !== null);
  const restarted = run(waiting.record, wake, cut(STATE));
  const { from, to, groups } = sentBy(restarted.state);
  assert.deepEqual([from, to, groups, kinds(restarted.effects)], [CURSOR, 3, [], "send"]);
  const arrived = step(restarted.state, answer({ outcome: "at", at: sent }));
  assert.deepEqual([arrived.state.record.cursor, arrived.state.record.sent], [sent, null]);
  const lost = step(restarted.state, answer({ at: CURSOR }));
  assert.deepEqual([lost.state.record.cursor, lost.state.record.sent], [CURSOR, null]);
  assert.deepEqual(lost.effects.at(-1), { kind: "cut", after: 3, isWhole: true });
});

test("P3 the position after a log's entry is the entry's own, so that both ends name it alike", () => {
  const { state } = step(logging, answer({}));
  assert.deepEqual(state.record.cursor, { seq: 4, digest: entryDigest(ENTRY) });
});

test("an edge that was restored from a copy finds another history at the hub, and renews", () => {
  const ahead = answer({ outcome: "at", at: { seq: 8, digest: 88 } }, { 3: 33 });
  assert.equal(kinds(step(waiting, ahead).effects), "renew");
  const grownAgain = answer({ outcome: "at", at: { seq: 4, digest: 88 } }, { 4: 44 });
  assert.equal(kinds(step(logging, grownAgain).effects), "renew");
});

test("a hub that was restored from a copy is given what it lacks, or records the gap", () => {
  const behind = step(logging, answer({ outcome: "at", at: { seq: 2, digest: 22 } }, { 2: 22 }));
  assert.deepEqual(behind.effects.at(-1), { kind: "cut", after: 2, isWhole: true });
  const gone = { ...answer({ outcome: "at", at: { seq: 1, digest: 11 } }), log: logFrom(3) };
  assert.ok(gone.kind === "answer");
  const gap = step(logging, gone);
  assert.deepEqual(gap.effects.at(-1), { kind: "cut", after: 1, isWhole: true });
  const held = { ...gone, log: logFrom(2) };
  assert.equal(kinds(step(logging, held).effects), "renew");
});

test("a clock that was ahead is told the hub's time", () => {
  const late = answer({ outcome: "clock-ahead", hubNowMs: NOW - 90_000 });
  const { effects, state } = step(waiting, late);
  assert.deepEqual(effects, [{ kind: "restamp", hubNowMs: NOW - 90_000 }]);
  assert.equal(state.record.clock.offsetMs, -90_000);
});

test("what the hub's clock shows between request and answer is no difference, nor is a small one", () => {
  const offset = (hubNowMs: number): number =>
    step(waiting, answer({ hubNowMs })).state.record.clock.offsetMs;
  assert.deepEqual([NOW, NOW + 999, NOW - 999].map(offset), [0, 0, 0]);
  assert.deepEqual([NOW + 5_000, NOW - 5_000].map(offset), [5_000, -5_000]);
});

const DOWN_GROUP: Group = { ...GROUP, keys: ["k1"] };

/** A link that holds one key of the way down, and the hub's dictionary. */
function withKey(): { readonly state: EdgeLink; readonly keys: KeyDictionary } {
  const keys = new KeyDictionary();
  const told = { ...TOLD, groups: [DOWN_GROUP] };
  const { state } = step(asking, answer({ state: told }, {}, keys));
  return { state: step(state, cut(STATE)).state, keys };
}

test("keys that the hub told are held: its next answer names them by number", () => {
  const { state, keys } = withKey();
  assert.equal(sentBy(state).isKeyless, false);
  const more = { ...TOLD, from: 6, to: 7, head: 7, groups: [DOWN_GROUP] };
  const { effects } = step(state, answer({ state: more }, {}, keys, 1));
  const [absorb] = effects;
  assert.ok(absorb?.kind === "absorb");
  assert.deepEqual(absorb.state.groups[0]?.keys, ["k1"]);
});

test("an answer on keys that are gone is asked for anew, by a frame that says so", () => {
  const { state, keys } = withKey();
  const more = { ...TOLD, from: 6, to: 7, head: 7, groups: [DOWN_GROUP] };
  keys.add("k0");
  const unread = step(state, answer({ state: more }, {}, keys, 2));
  assert.equal(kinds(unread.effects), "cut");
  const again = step(unread.state, cut(NOTHING)).state;
  assert.equal(sentBy(again).isKeyless, true);
  // A hub that does not listen is not asked for ever.
  const deaf = step(again, answer({ state: more }, {}, keys, 2));
  assert.equal(kinds(deaf.effects), "set-timer");
});

test("a link that is opened after a crash says that it holds no keys", () => {
  const { state } = withKey();
  assert.equal(sentBy(run(state.record, heartbeat, cut(NOTHING)).state).isKeyless, true);
});

test("keys that the hub has applied are named by number, until it cannot read them", () => {
  const first = step(waiting, answer({})).state;
  const again = { ...STATE, to: 9, groups: [GROUP] };
  const second = step(first, cut(again)).state;
  assert.equal(decodeUpFrame(requestOf(second)).ok, false);
  const unread = step(second, answer({ outcome: "unreadable" })).state;
  assert.deepEqual(sentBy(step(unread, cut(NOTHING)).state).groups, []);
  const asked = step(
    step(unread, cut(NOTHING)).state,
    answer({ outcome: "at", at: CURSOR }, { 3: 33 }),
  );
  const third = sentBy(step(asked.state, cut(again)).state);
  assert.deepEqual(third.newKeys, { base: 0, added: ["a"] });
});

test("while the hub tells its whole state, nothing of state is sent, and each part asks for the next", () => {
  const horizon = { seq: 1, stamp: { wallMs: 5, logical: 0 }, known: 0 };
  const part = { from: 0, to: 4, head: 9, stable: 0, horizon, groups: [] };
  const pulling = run({ ...RECORD, isPulling: true }, wake, cut(NOTHING));
  assert.equal(pulling.state.phase.kind, "idle");
  const asked = run({ ...RECORD, isPulling: true }, heartbeat, cut(NOTHING)).state;
  assert.equal(sentBy(asked).ack.seq, 0);
  const first = step(asked, answer({ state: part }));
  assert.equal(first.state.record.isPulling, true);
  assert.deepEqual(first.effects.at(-1), { kind: "cut", after: 3, isWhole: false });
  const second = step(first.state, cut(NOTHING)).state;
  assert.equal(sentBy(second).ack.seq, 4);
  const last = { ...part, from: 4, to: 9, horizon: null };
  const done = step(second, answer({ state: last }));
  assert.equal(done.state.record.isPulling, false);
  assert.deepEqual(done.effects.at(-1), { kind: "cut", after: 3, isWhole: true });
});

test("an answer without anything new leaves what this end holds as it was", () => {
  const rested = { ...TOLD, from: 4, to: 4, head: 4 };
  assert.deepEqual(step(asking, answer({ state: rested })).state.record.ack, ACK);
});

test("a link steps down to a version that the hub reads, once, and waits if there is none", () => {
  const newer = { ...asking, version: 3 };
  const down = step(newer, answer({ outcome: "unsupported", link: 2 }));
  assert.deepEqual([down.state.version, kinds(down.effects)], [2, "cut"]);
  const request = requestOf(step(down.state, cut(NOTHING)).state);
  assert.equal(request[1], 2);
  for (const link of [0, 3, 4])
    assert.equal(kinds(step(newer, answer({ outcome: "unsupported", link })).effects), "set-timer");
});

test("an answer that is taken ends a row of failures", () => {
  const tired = { ...waiting, attempt: 5 };
  assert.equal(step(tired, answer({})).state.attempt, 0);
  assert.equal(step(tired, answer({ outcome: "unsupported", link: 1 })).state.attempt, 6);
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
