// What does a stream do next? Each event in each state in which it means something else.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../../../../edge/limits.ts";
import { parseOptions, type StreamOptions } from "../../../../edge/stream/protocol.ts";
import {
  openSession,
  step,
  type SessionEvent,
  type SessionState,
} from "../../../../edge/stream/session.ts";

const T0 = 1_790_000_000_000;
const parsedOptions = parseOptions([]);
assert.ok(parsedOptions.ok);
const options: StreamOptions = parsedOptions.value;
const opened = openSession(options, T0);

const message = (bytes = 10, hubBytes = 0): SessionEvent => ({
  kind: "message",
  bytes,
  hubBytes,
  nowMs: T0 + 1,
});

/** Runs events, and gives the last state and what each came to. */
function run(events: readonly SessionEvent[], from: SessionState = opened) {
  let state = from;
  const effects = events.map((event) => {
    const next = step(state, event);
    state = next.state;
    return next.effect?.kind === "close" ? next.effect.ending.code : (next.effect?.kind ?? null);
  });
  return { state, effects };
}

test("a message is taken, settled and seen", () => {
  const { state, effects } = run([
    message(),
    message(20),
    { kind: "settled", messages: 2, bytes: 30 },
    { kind: "seen", messages: 2, nowMs: T0 + 2 },
  ]);
  assert.deepEqual(effects, ["take", "take", "answer", null]);
  const { taken, settled, seen, openBytes, heardMs } = state;
  assert.deepEqual([taken, settled, seen, openBytes, heardMs], [2, 2, 2, 0, T0 + 2]);
});

test("the window is as wide in messages as it says, and one more ends the stream", () => {
  const full = run(Array.from({ length: limits.streamWindowMessages }, () => message(1)));
  assert.ok(full.effects.every((effect) => effect === "take"));
  assert.deepEqual(run([message(1)], full.state).effects, [4429]);
  const freed = run([{ kind: "settled", messages: 1, bytes: 1 }, message(1)], full.state);
  assert.deepEqual(freed.effects, ["answer", "take"]);
});

test("the window is as wide in bytes as it says", () => {
  const half = limits.streamWindowBytes / 2;
  assert.deepEqual(run([message(half), message(half), message(1)]).effects, ["take", "take", 4429]);
});

test("a message above its bound ends the stream", () => {
  assert.deepEqual(run([message(limits.bodyBytesMax)]).effects, ["take"]);
  assert.deepEqual(run([message(limits.bodyBytesMax + 1)]).effects, [1009]);
});

test("a hub that holds too much turns a stream away", () => {
  assert.deepEqual(run([message(10, limits.streamHubBytesMax - 10)]).effects, ["take"]);
  assert.deepEqual(run([message(10, limits.streamHubBytesMax - 9)]).effects, [1013]);
});

test("answers that nobody confirms end the stream, and confirmed ones do not", () => {
  const round: SessionEvent[] = [message(), { kind: "settled", messages: 1, bytes: 10 }];
  const rounds = Array.from({ length: limits.streamUnseenMessagesMax + 1 }, () => round).flat();
  const silent = run(rounds);
  assert.ok(!silent.effects.includes(4430));
  assert.deepEqual(run([message()], silent.state).effects, [4430]);
  const told = run([{ kind: "seen", messages: 5, nowMs: T0 }, message()], silent.state);
  assert.deepEqual(told.effects, [null, "take"]);
});

test("a confirmation of what was not answered ends the stream", () => {
  assert.deepEqual(run([message(), { kind: "seen", messages: 1, nowMs: T0 }]).effects, [
    "take",
    4430,
  ]);
});

test("an older confirmation changes nothing", () => {
  const { state } = run([
    message(),
    message(),
    { kind: "settled", messages: 2, bytes: 20 },
    { kind: "seen", messages: 2, nowMs: T0 },
    { kind: "seen", messages: 1, nowMs: T0 },
  ]);
  assert.equal(state.seen, 2);
});

test("silence ends a stream, a ping or an open message does not", () => {
  const late = T0 + options.idleMs;
  const look = (heardMs: number, nowMs: number): SessionEvent => ({
    kind: "looked",
    heardMs,
    nowMs,
  });
  assert.deepEqual(run([look(0, late - 1)]).effects, [null]);
  assert.deepEqual(run([look(0, late)]).effects, [4408]);
  assert.deepEqual(run([look(T0 + 1, late)]).effects, [null]);
  assert.deepEqual(run([message(), look(0, late * 2)]).effects, ["take", null]);
});

test("a refusal of the guard ends a stream with the code of its kind", () => {
  assert.deepEqual(run([{ kind: "denied", status: 401 }]).effects, [4401]);
  assert.deepEqual(run([{ kind: "denied", status: 403 }]).effects, [4403]);
  assert.deepEqual(run([{ kind: "ended", why: "replaced" }]).effects, [4409]);
  assert.deepEqual(run([{ kind: "ended", why: "failed" }]).effects, [1011]);
});

test("an ended stream does nothing, whatever comes", () => {
  const ended = run([{ kind: "ended", why: "replaced" }]).state;
  const late = run([message(), { kind: "settled", messages: 1, bytes: 1 }], ended);
  assert.deepEqual([late.effects, late.state], [[null, null], ended]);
});

test("whatever happens, what is held stays inside its bounds, and the counts in their order", () => {
  const event = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 400_000 }).map((bytes) => message(bytes)) },
    { weight: 4, arbitrary: fc.constant<SessionEvent>({ kind: "settled", messages: 1, bytes: 0 }) },
    {
      weight: 2,
      arbitrary: fc
        .nat(80)
        .map((messages): SessionEvent => ({ kind: "seen", messages, nowMs: T0 })),
    },
  );
  fc.assert(fc.property(fc.array(event, { maxLength: 200 }), holdsItsBounds));
});

function holdsItsBounds(events: readonly SessionEvent[]): void {
  let state = opened;
  const open: number[] = [];
  for (const each of events) {
    // The hub settles the oldest open message, if there is one.
    if (each.kind === "settled" && open.length === 0) continue;
    const next = step(
      state,
      each.kind === "settled" ? { ...each, bytes: open.shift() ?? 0 } : each,
    );
    if (next.effect?.kind === "take" && each.kind === "message") open.push(each.bytes);
    state = next.state;
    assert.ok(state.seen <= state.settled && state.settled <= state.taken);
    assert.ok(state.taken - state.settled <= limits.streamWindowMessages);
    assert.ok(state.openBytes >= 0 && state.openBytes <= limits.streamWindowBytes);
    if (state.isEnded) return;
    assert.equal(state.openBytes, sumOf(open));
  }
}

function sumOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}
