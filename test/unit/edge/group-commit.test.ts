// Do answers wait for their own commit, do batches share one, and is nobody told that a batch is
// held that a disk has lost (P1)? A store that counts, a disk that is slow or fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { GroupCommit } from "../../../edge/group-commit.ts";

/** A hub that stages names; its disk flushes when it is told to. */
class SlowHub {
  staged: string[] = [];
  written: string[][] = [];
  reloads = 0;
  flushes = 0;
  #flush: (() => void) | null = null;
  #fail: ((error: Error) => void) | null = null;
  readonly commits: GroupCommit;

  constructor() {
    const flushed = (): Promise<void> =>
      new Promise((resolve, reject) => {
        this.flushes += 1;
        this.#flush = resolve;
        this.#fail = reject;
      });
    this.commits = new GroupCommit(this, flushed);
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
  hub.post("d", answers);
  await hub.flush();
  assert.deepEqual([answers, hub.flushes], [["a", "b", "c", "d"], 3]);
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
