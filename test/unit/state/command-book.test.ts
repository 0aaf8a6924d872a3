// What becomes of commands that two regions and an origin hold? In process, over the replicas and the
// link that they run on.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CommandBook,
  COMMANDS_PER_DEVICE_MAX,
  OPEN_PER_DEVICE_MAX,
} from "../../../state/command-book.ts";
import { EXPIRY_MS_MAX, OVER_KEPT_MS, refusalOfReached } from "../../../state/command.ts";
import { commandView, readAnswer, readCommand } from "../../../state/command-view.ts";
import { commands } from "../../../state/region.ts";
import type { ShadowReplica } from "../../../state/shadow-book.ts";
import { erase, write } from "../../../sync/crdt/lww-register.ts";
import { openRegionHub, region } from "../../support/region-replicas.ts";

const NOW = Date.now();
const DEVICE = "boat-1";

function bookOf(replica: ShadowReplica, keysMax?: number) {
  const book = new CommandBook(replica, undefined, keysMax);
  return {
    book,
    queue: (id: string, nowMs = NOW, lifeMs = 60_000, payload: string | null = null) =>
      book.queue(DEVICE, { id, name: "reboot", payload, expiresMs: null }, nowMs + lifeMs, nowMs),
    send: (nowMs = NOW) => book.send(DEVICE, nowMs).map(({ id }) => id),
    answer: (id: string, state: "accepted" | "done" | "failed", nowMs = NOW) =>
      book.answer(DEVICE, id, state, null, nowMs).kind,
    states: (nowMs = NOW) => {
      book.look();
      return book.list(DEVICE, nowMs).map(({ id, state }) => `${id} ${state}`);
    },
  };
}

test("a command goes from queued to done, and each state is reached once", () => {
  const { book, queue, send, answer, states } = bookOf(openRegionHub());
  assert.equal(queue("c1").kind, "queued");
  assert.deepEqual(states(), ["c1 queued"]);
  assert.deepEqual([send(), send()], [["c1"], ["c1"]]);
  assert.deepEqual(states(), ["c1 sent"]);
  assert.equal(answer("c1", "accepted"), "answered");
  assert.deepEqual([send(), states()], [[], ["c1 accepted"]]);
  assert.equal(answer("c1", "done", NOW + 5), "answered");
  assert.equal(answer("c1", "done", NOW + 9), "answered");
  assert.equal(answer("c1", "failed"), "over");
  assert.equal(answer("c1", "accepted"), "over");
  assert.equal(answer("c2", "done"), "unknown");
  assert.equal(book.list(DEVICE, NOW)[0]?.reachedMs.done, NOW + 5);
});

test("an id names one command: giving it again changes nothing, giving another is refused", () => {
  const { queue, states } = bookOf(openRegionHub());
  assert.deepEqual([queue("c1").kind, queue("c1", NOW + 50)].length, 2);
  const again = queue("c1", NOW + 50);
  assert.ok(again.kind === "queued" && !again.isNew);
  assert.equal(queue("c1", NOW, 60_000, "1").kind, "taken");
  assert.deepEqual(states(), ["c1 queued"]);
});

test("past its time a command is never given, and may not be begun; what was done is done", () => {
  const { queue, send, answer, states } = bookOf(openRegionHub());
  for (const id of ["c1", "c2", "c3"]) queue(id, NOW, 1_000);
  assert.equal(answer("c2", "accepted", NOW + 999), "answered");
  assert.deepEqual(send(NOW + 999).toSorted(), ["c1", "c3"]);
  assert.deepEqual(send(NOW + 1_000), []);
  assert.deepEqual(states(NOW + 1_000), ["c1 expired", "c2 accepted", "c3 expired"]);
  assert.equal(answer("c1", "accepted", NOW + 1_000), "expired");
  assert.equal(answer("c2", "done", NOW + 2_000), "answered");
  assert.equal(answer("c3", "failed", NOW + 2_000), "answered");
  assert.deepEqual(states(NOW + 3_000), ["c1 expired", "c2 done", "c3 failed"]);
});

test("P3 whatever regions and the origin do, all show the same states in the end", async () => {
  const step = fc.record({
    at: fc.constantFrom(0, 1, 2),
    id: fc.constantFrom("c1", "c2"),
    act: fc.constantFrom("queue", "send", "accepted", "done", "failed", "sync"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 16 }), async (steps) => {
      const hub = openRegionHub();
      const ends = [region("hel", hub), region("tll", hub)];
      const books = [...ends.map(({ replica }) => replica), hub].map((replica) => bookOf(replica));
      for (const [i, { at, id, act }] of steps.entries()) {
        const book = books[at];
        book?.book.look();
        if (act === "queue") book?.queue(id, NOW + i, 60_000, String(at));
        else if (act === "send") book?.send(NOW + i);
        else if (act === "sync") await ends[at]?.untilAtRest();
        else book?.answer(id, act, NOW + i);
      }
      for (const end of [...ends, ...ends]) await end.untilAtRest();
      const seen = books.map(({ book }) => {
        book.look();
        return book.list(DEVICE, NOW + 99);
      });
      assert.deepEqual(seen[0], seen[2]);
      assert.deepEqual(seen[1], seen[2]);
    }),
    { numRuns: 60 },
  );
});

test("P8 a device has so many commands and no more; those that are over make room", () => {
  const { queue, answer, states } = bookOf(openRegionHub());
  const kinds: string[] = [];
  for (let i = 0; i < OPEN_PER_DEVICE_MAX + 1; i += 1) kinds.push(queue(`c${i}`, NOW + i).kind);
  assert.deepEqual([kinds.at(-2), kinds.at(-1)], ["queued", "device-full"]);
  for (let i = 0; i < 200; i += 1) {
    assert.equal(answer(`c${i}`, "done", NOW + i), "answered");
    assert.equal(queue(`c${i + OPEN_PER_DEVICE_MAX}`, NOW + i + 1_000).kind, "queued", `${i}`);
  }
  assert.equal(states().length, COMMANDS_PER_DEVICE_MAX);
  const few = bookOf(openRegionHub(), 4);
  for (let i = 0; i < 4; i += 1) assert.equal(few.queue(`c${i}`).kind, "queued");
  assert.equal(few.queue("c4").kind, "full");
});

test("P8 what is over is kept for a day, then nothing is left at any end", async () => {
  const hub = openRegionHub();
  const end = region("hel", hub);
  const [origin, north] = [bookOf(hub), bookOf(end.replica)];
  for (const id of ["c1", "c2"]) origin.queue(id, NOW - OVER_KEPT_MS - 5_000, 1_000);
  await end.untilAtRest();
  north.book.look();
  assert.equal(north.answer("c2", "done", NOW), "answered");
  await end.untilAtRest();
  origin.book.look();
  assert.equal(origin.book.sweep(NOW), 1);
  assert.deepEqual(origin.states(), ["c2 done"]);
  assert.equal(origin.book.sweep(NOW + OVER_KEPT_MS - 1), 0);
  assert.equal(origin.book.sweep(NOW + OVER_KEPT_MS), 1);
  for (let turn = 0; turn < 3; turn += 1) await end.untilAtRest();
  assert.deepEqual([hub.held(commands).size, end.replica.held(commands).size], [0, 0]);
});

test("what a region says of a command that was dropped goes as well, a day later", () => {
  const hub = openRegionHub();
  hub.write(NOW, (draft) =>
    draft.write(commands, `${DEVICE}/c1/done`, write('{"atMs":1}', draft.stamp)),
  );
  const { book, states } = bookOf(hub);
  assert.deepEqual(states(), []);
  book.sweep(NOW + OVER_KEPT_MS - 1_000);
  assert.notEqual(hub.read(commands, `${DEVICE}/c1/done`), null);
  book.sweep(NOW + OVER_KEPT_MS + 1_000);
  assert.equal(hub.read(commands, `${DEVICE}/c1/done`), null);
});

test("what a region sends is a state of a command, or refused", () => {
  const at = { wallMs: 1, logical: 0 };
  const order = { name: "reboot", payload: null, expiresMs: 5 };
  const queued = JSON.stringify({ atMs: 1, order });
  const cases: readonly (readonly [string, string | number | null, string | null])[] = [
    ["c1/queued", queued, null],
    ["c1/done", '{"atMs":1,"result":"{}"}', null],
    ["c1/queued", '{"atMs":1}', "not-a-state"],
    ["c1/queued", JSON.stringify({ atMs: 1, order: { ...order, name: "A" } }), "not-a-state"],
    ["c1/queued", JSON.stringify({ atMs: 1, order: { ...order, payload: 5 } }), "not-a-state"],
    ["c1/done", '{"atMs":-1}', "not-a-state"],
    ["c1/done", `{"atMs":1,"result":"${"x".repeat(1_025)}"}`, "not-a-state"],
    ["c1/done", "{", "not-a-state"],
    ["c1/done", 7, "not-a-state"],
    ["c1/expired", '{"atMs":1}', "not-a-command"],
    ["c1", '{"atMs":1}', "not-a-command"],
    ["c 1/done", '{"atMs":1}', "not-a-command"],
    ["c1/done/x", '{"atMs":1}', "not-a-command"],
  ];
  for (const [path, value, refusal] of cases)
    assert.equal(refusalOfReached(path, write(value, at)), refusal, `${path} ${value}`);
  assert.equal(refusalOfReached("c1/done", erase(at)), null);
});

test("a command is read with its expiry, and what is wrong is named", () => {
  const parseTime = (text: string): number | null => (text === "later" ? NOW + 500 : null);
  const read = (body: unknown) => readCommand(body, NOW, "drawn", parseTime);
  const plain = read({ name: "reboot" });
  assert.deepEqual(plain, {
    ok: true,
    value: {
      given: { id: "drawn", name: "reboot", payload: null, expiresMs: null },
      expiresMs: NOW + 3_600_000,
    },
  });
  const full = read({ id: "c1", name: "set.rate", payload: { hz: 2 }, expires: "later" });
  assert.ok(full.ok);
  assert.deepEqual(
    [full.value.given.payload, full.value.expiresMs, full.value.given.expiresMs],
    ['{"hz":2}', NOW + 500, NOW + 500],
  );
  const short = read({ name: "reboot", ttl: 0.5 });
  assert.ok(short.ok && short.value.expiresMs === NOW + 500);
  for (const [body, pointer] of [
    [7, ""],
    [[], ""],
    [{}, "/name"],
    [{ name: "Reboot" }, "/name"],
    [{ name: "reboot", id: "a b" }, "/id"],
    [{ name: "reboot", id: 7 }, "/id"],
    [{ name: "reboot", payload: "x".repeat(2_048) }, "/payload"],
    [{ name: "reboot", expires: NOW }, "/expires"],
    [{ name: "reboot", expires: NOW + EXPIRY_MS_MAX + 1 }, "/expires"],
    [{ name: "reboot", expires: "soon" }, "/expires"],
    [{ name: "reboot", expires: null }, "/expires"],
    [{ name: "reboot", ttl: 0 }, "/ttl"],
    [{ name: "reboot", ttl: 5, expires: NOW + 5 }, "/ttl"],
    [{ name: "reboot", when: 5 }, "/when"],
  ] as const) {
    const wrong = read(body);
    assert.ok(!wrong.ok, JSON.stringify(body));
    assert.equal(wrong.error[0]?.pointer, pointer, JSON.stringify(body));
  }
  for (const body of [7, {}, { state: "sent" }, { state: "done", result: "x".repeat(1_024) }])
    assert.ok(!readAnswer(body).ok);
  const said = readAnswer({ state: "done", result: { took: 3 } });
  assert.deepEqual(said, { ok: true, value: { state: "done", result: '{"took":3}' } });
});

test("a command is shown with its payload and its times", () => {
  const { book, queue } = bookOf(openRegionHub());
  queue("c1", NOW, 1_000, '{"hz":2}');
  book.answer(DEVICE, "c1", "done", '"ok"', NOW + 3);
  const [held] = book.list(DEVICE, NOW);
  assert.ok(held !== undefined);
  assert.deepEqual(commandView(held, String), {
    id: "c1",
    name: "reboot",
    payload: { hz: 2 },
    state: "done",
    expires: String(NOW + 1_000),
    reached: { queued: String(NOW), done: String(NOW + 3) },
    result: "ok",
  });
});
