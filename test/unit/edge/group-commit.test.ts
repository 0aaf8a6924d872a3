// Do answers wait for their own commit, do batches share one, and is nobody told that a batch is
// held that a disk has lost (P1)? A store that counts, a disk that is slow or fails, a clock that is set.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { GroupCommit } from "../../../edge/group-commit.ts";
import { limits } from "../../../edge/limits.ts";

/** A hub that stages names; its disk flushes when it is told to. */
class SlowHub {
  staged: string[] = [];
  written: string[][] = [];
  reloads = 0;
  flushes = 0;
  #flush: (() => void) | null = null;
  #fail: ((error: Error) => void) | null = null;
  nowMs = 0;
  /** The waits that were asked for and have not ended, in milliseconds. */
  readonly waits: { readonly ms: number; readonly end: () => void }[] = [];
  readonly commits: GroupCommit;

  constructor() {
    const flushed = (): Promise<void> =>
      new Promise((resolve, reject) => {
        this.flushes += 1;
        this.#flush = resolve;
        this.#fail = reject;
      });
    this.commits = new GroupCommit(this, {
      now: () => this.nowMs,
      sync: flushed,
      wait: (ms) => new Promise((resolve) => this.waits.push({ ms, end: resolve })),
    });
  }

  get isStaged(): boolean {
    return this.staged.length > 0;
  }

  write(): void {
    if (this.isStaged) this.written.push(this.staged);
    this.staged = [];
  }

  reload(): void {
    this.staged = [];
    this.reloads += 1;
  }

  /** Takes a batch; what becomes of its answer is told by `answers`. */
  post(name: string, answers: string[]): void {
    this.staged.push(name);
    this.ask(name, answers);
  }

  ask(name: string, answers: string[]): void {
    this.commits.settle().then(
      () => answers.push(name),
      () => answers.push(`${name} failed`),
    );
  }

  async flush(): Promise<void> {
    this.#flush?.();
    await turn();
  }

  /** Lets the time pass that a commit waits for; tells how long that was. */
  async pass(): Promise<number | undefined> {
    const wait = this.waits.shift();
    this.nowMs += wait?.ms ?? 0;
    wait?.end();
    await turn();
    return wait?.ms;
  }

  /** Two batches share a commit; after it whatever is posted is expected to be shared too. */
  async share(answers: string[]): Promise<void> {
    this.post("a", answers);
    this.post("b", answers);
    this.post("c", answers);
    await turn();
    await this.flush();
    await this.flush();
  }

  async fail(): Promise<void> {
    this.#fail?.(new Error("disk full"));
    await turn();
  }
}

test("settle() with nothing staged is settled", async () => {
  const hub = new SlowHub();
  await hub.commits.settle();
  assert.equal(hub.flushes, 0);
});

test("what arrives while a commit is under way shares the next, and answers after it", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  hub.post("a", answers);
  hub.post("b", answers);
  hub.post("c", answers);
  await turn();
  assert.deepEqual([hub.written, answers], [[["a"]], []]);
  await hub.flush();
  assert.deepEqual([hub.written, answers], [[["a"], ["b", "c"]], ["a"]]);
  await hub.flush();
  assert.deepEqual([answers, hub.flushes], [["a", "b", "c"], 2]);
});

test("a commit waits for as many as shared the one before, and begins when they have come", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  await hub.share(answers);
  hub.post("d", answers);
  await turn();
  assert.equal(hub.flushes, 2);
  hub.post("e", answers);
  assert.equal(await hub.pass(), 0);
  // Something came, so more may come with it; nothing did.
  assert.equal(await hub.pass(), 0);
  assert.deepEqual([hub.written.at(-1), hub.flushes, hub.waits.length], [["d", "e"], 3, 0]);
  await hub.flush();
  assert.deepEqual(answers.slice(3), ["d", "e"]);
});

test("a commit that waits for its sharers goes on when the last has come, whatever the timer says", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  await hub.share(answers);
  hub.post("d", answers);
  await turn();
  assert.equal(await hub.pass(), 0);
  assert.deepEqual([hub.waits.map(({ ms }) => ms), hub.flushes], [[1], 2]);
  hub.post("e", answers);
  await turn();
  const [, next] = hub.waits;
  assert.equal(next?.ms, 0);
  next?.end();
  await turn();
  assert.deepEqual([hub.written.at(-1), hub.flushes], [["d", "e"], 3]);
});

test("a commit whose sharers stay away waits for its bound and no longer", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  await hub.share(answers);
  hub.post("d", answers);
  await turn();
  let waitedMs = 0;
  while (hub.waits.length > 0) waitedMs += (await hub.pass()) ?? 0;
  assert.deepEqual([hub.flushes, waitedMs], [3, limits.commitGatherMs]);
});

test("a batch that comes alone waits for nobody once two commits were not shared", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  await hub.share(answers);
  for (const name of ["d", "e"]) {
    hub.post(name, answers);
    await turn();
    while (hub.waits.length > 0) await hub.pass();
    await hub.flush();
  }
  hub.post("f", answers);
  await turn();
  assert.deepEqual([hub.waits.length, hub.written.at(-1)], [0, ["f"]]);
});

test("what comes without end does not hold a commit up", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  await hub.share(answers);
  let posted = 0;
  hub.post("first", answers);
  await turn();
  for (; hub.waits.length > 0; posted += 1) {
    hub.post(`${posted}`, answers);
    await hub.pass();
  }
  assert.ok(posted <= limits.commitSharersMax, `${posted} were waited for`);
});

test("what was waited for already is committed without a wait, and nobody waits because of it", async () => {
  const hub = new SlowHub();
  for (const name of ["a", "b", "c"]) {
    hub.staged.push(name);
    void hub.commits.settle(true);
    await turn();
  }
  await hub.flush();
  await hub.flush();
  hub.post("d", []);
  await turn();
  assert.deepEqual([hub.written, hub.waits.length], [[["a"], ["b", "c"], ["d"]], 0]);
});

test("an answer that stages nothing waits for what is under way, which may be what it repeats", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  hub.post("a", answers);
  hub.ask("a again", answers);
  await turn();
  assert.deepEqual(answers, []);
  hub.post("b", answers);
  hub.ask("b again", answers);
  await hub.flush();
  assert.deepEqual(answers, ["a", "a again"]);
  await hub.flush();
  assert.deepEqual(answers, ["a", "a again", "b", "b again"]);
});

test("P1 what was staged is not said to be held if something else made the store start over", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  hub.post("a", answers);
  hub.post("b", answers);
  hub.reload();
  await hub.flush();
  await hub.flush();
  assert.deepEqual(answers, ["a failed", "b failed"]);
});

test("P1 a disk that fails fails every batch of its commit, and those that were staged since", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  hub.post("a", answers);
  hub.post("b", answers);
  hub.ask("b again", answers);
  await hub.fail();
  assert.deepEqual(answers.toSorted(), ["a failed", "b again failed", "b failed"]);
  assert.deepEqual([hub.reloads, hub.staged, hub.written], [1, [], [["a"]]]);
  hub.post("c", answers);
  await hub.flush();
  assert.deepEqual(answers.at(-1), "c");
});

test("P8 a clock that is set back by an hour does not hold a commit back", async () => {
  const hub = new SlowHub();
  const answers: string[] = [];
  await hub.share(answers);
  hub.post("alone", answers);
  await turn();
  hub.nowMs -= 3_600_000;
  let waits = 0;
  for (; hub.waits.length > 0 && waits < 100; waits += 1) await hub.pass();
  await hub.flush();
  assert.ok(waits < 10, `${waits} waits`);
  assert.ok(answers.includes("alone"));
});
