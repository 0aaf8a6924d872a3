// Who waits for a lease, and for how long? Time is a number; the cell answers when the test says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldLease, type LeaseSource } from "../../../edge/held-lease.ts";
import { limits } from "../../../edge/limits.ts";

/** A cell whose answers are given by hand, and timers that ring when the clock passes them. */
class TestCell implements LeaseSource<string> {
  clockMs = 1_000_000;
  readonly calls: {
    readonly known: string;
    readonly answer: (view: string) => void;
    readonly fail: () => void;
  }[] = [];
  readonly logged: string[] = [];
  readonly background: Promise<unknown>[] = [];
  #timers: { readonly atMs: number; readonly ring: () => void }[] = [];

  nowMs(): number {
    return this.clockMs;
  }
  ask(known: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.calls.push({ known, answer: resolve, fail: () => reject(new Error("gone")) });
    });
  }
  within<T>(work: Promise<T>, ms: number): Promise<T | "late"> {
    const late = new Promise<"late">((resolve) => {
      this.#timers.push({ atMs: this.clockMs + ms, ring: () => resolve("late") });
    });
    return Promise.race([work, late]);
  }
  log(event: string): void {
    this.logged.push(event);
  }
  pass(ms: number): void {
    this.clockMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.clockMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.clockMs);
    for (const { ring } of due) ring();
  }
}

/** Opens a lease and a way to ask for it. */
function open(): { cell: TestCell; ask: () => Promise<string> } {
  const cell = new TestCell();
  const lease = new HeldLease<string>(cell, "nothing");
  return { cell, ask: () => lease.current((work) => void cell.background.push(work)) };
}

/** Opens one that holds `one`. */
async function openHeld(): Promise<ReturnType<typeof open>> {
  const opened = open();
  const asked = opened.ask();
  opened.cell.calls[0]?.answer("one");
  assert.equal(await asked, "one");
  return opened;
}

test("a thousand requests that find no lease wait for one call, and get its answer", async () => {
  const { cell, ask } = open();
  const asked = Array.from({ length: 1_000 }, ask);
  assert.equal(cell.calls.length, 1);
  cell.pass(100);
  cell.calls[0]?.answer("one");
  assert.deepEqual([...new Set(await Promise.all(asked))], ["one"]);
  assert.deepEqual([cell.calls[0]?.known, cell.background.length, cell.logged], ["nothing", 1, []]);
});

test("a young lease asks nobody; past half its time one call runs behind the requests", async () => {
  const { cell, ask } = await openHeld();
  cell.pass(limits.leaseMs / 2 - 1);
  assert.equal(await ask(), "one");
  assert.equal(cell.calls.length, 1);
  cell.pass(1);
  for (let i = 0; i < 10; i += 1) assert.equal(await ask(), "one");
  assert.equal(cell.calls.length, 2);
  cell.calls[1]?.answer("two");
  await cell.background[1];
  assert.equal(await ask(), "two");
});

test("past the lease requests wait for the news, also for a call that is under way", async () => {
  const { cell, ask } = await openHeld();
  cell.pass(limits.leaseMs - 100);
  assert.equal(await ask(), "one");
  cell.pass(100);
  const asked = Array.from({ length: 50 }, ask);
  cell.calls[1]?.answer("two");
  assert.deepEqual([...new Set(await Promise.all(asked))], ["two"]);
  assert.equal(cell.calls.length, 2);
});

test("a lease counts from before it was asked for, not from its answer", async () => {
  const { cell, ask } = open();
  const asked = ask();
  cell.pass(200);
  cell.calls[0]?.answer("one");
  assert.equal(await asked, "one");
  cell.pass(limits.leaseMs / 2 - 200);
  await ask();
  assert.equal(cell.calls.length, 2);
});

test("P6 a cell that does not answer holds requests up once, and is logged once", async () => {
  const { cell, ask } = await openHeld();
  cell.pass(limits.leaseMs);
  const asked = Array.from({ length: 50 }, ask);
  cell.pass(limits.leaseTimeoutMs);
  assert.deepEqual([...new Set(await Promise.all(asked))], ["one"]);
  assert.deepEqual(cell.logged, ["lease-late"]);
  // The call is still under way: nobody waits for it again.
  assert.equal(await ask(), "one");
  assert.equal(cell.calls.length, 2);
  // Its answer is of use whenever it comes.
  cell.calls[1]?.answer("two");
  await cell.background[1];
  cell.pass(0);
  assert.equal(await ask(), "two");
});

test("a call that was lost with its request is made again, and may not put old news in place", async () => {
  const { cell, ask } = await openHeld();
  cell.pass(limits.leaseMs);
  const first = ask();
  cell.pass(limits.leaseMs);
  assert.equal(await first, "one");
  const second = ask();
  assert.equal(cell.calls.length, 3);
  cell.calls[2]?.answer("three");
  assert.equal(await second, "three");
  cell.calls[1]?.answer("two");
  await cell.background[1];
  assert.equal(await ask(), "three");
});

test("P6 a cell that fails leaves what is known, and is not asked by every request", async () => {
  const { cell, ask } = await openHeld();
  cell.pass(limits.leaseMs);
  const asked = Array.from({ length: 50 }, ask);
  cell.calls[1]?.fail();
  assert.deepEqual([...new Set(await Promise.all(asked))], ["one"]);
  assert.deepEqual(cell.logged, ["lease-failed"]);
  for (let i = 0; i < 20; i += 1) assert.equal(await ask(), "one");
  assert.equal(cell.calls.length, 2);
  cell.pass(limits.leaseTimeoutMs);
  const again = ask();
  cell.calls[2]?.answer("three");
  assert.equal(await again, "three");
});

test("P5 a clock that goes back makes what is held old, not fresh for ever", async () => {
  const { cell, ask } = await openHeld();
  cell.clockMs -= 3_600_000;
  const asked = ask();
  assert.equal(cell.calls.length, 2);
  cell.calls[1]?.answer("two");
  assert.equal(await asked, "two");
  assert.equal(await ask(), "two");
});
