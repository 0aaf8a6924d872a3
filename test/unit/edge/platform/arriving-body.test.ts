// Does one body reach many, each from its first byte on, and in bounded memory?

import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrivingBody, BodyBudget } from "../../../../edge/platform/arriving-body.ts";

const BOUNDS = { wholeBytesMax: 1_000, heldBytesMax: 4_000, idleMs: 200 };

interface Source {
  readonly stream: ReadableStream<Uint8Array>;
  /** How many pieces have been asked for. */
  pulled: number;
  send(text: string): void;
  end(): void;
  fail(): void;
}

function source(): Source {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const made: Source = {
    stream: new ReadableStream<Uint8Array>({
      start: (given) => void (controller = given),
      pull: () => void (made.pulled += 1),
    }),
    pulled: 0,
    send: (text) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    fail: () => controller?.error(new Error("cut")),
  };
  return made;
}

/** Pieces of 500 bytes, as many as are asked for. */
function endless(pieces: number): ReadableStream<Uint8Array> {
  let left = pieces;
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (left === 0) return controller.close();
        left -= 1;
        controller.enqueue(new Uint8Array(500));
      },
    },
    { highWaterMark: 0 },
  );
}

function textOf(stream: unknown): Promise<string> {
  assert.ok(stream instanceof ReadableStream);
  return new Response(stream as ReadableStream<Uint8Array>).text();
}

test("who joins early, in the middle and at the end gets all of it", async () => {
  const from = source();
  const body = new ArrivingBody(from.stream, null, BOUNDS, new BodyBudget(9_999));
  const early = textOf(body.open());
  from.send("one ");
  await new Promise((resolve) => setTimeout(resolve, 5));
  const middle = textOf(body.open());
  from.send("two");
  from.end();
  const whole = await body.whole;
  assert.equal(
    whole.kind === "whole" && new TextDecoder().decode(whole.body as Uint8Array),
    "one two",
  );
  assert.deepEqual([await early, await middle], ["one two", "one two"]);
});

test("RFC 9111 §3.3 what breaks off, or is not as long as it says, is not whole for anybody", async () => {
  for (const announced of [null, "9"]) {
    const from = source();
    const body = new ArrivingBody(from.stream, announced, BOUNDS, new BodyBudget(9_999));
    const reading = textOf(body.open());
    from.send("one");
    if (announced === null) from.fail();
    else from.end();
    await assert.rejects(reading);
    assert.deepEqual(await body.whole, { kind: "broken" });
  }
});

test("a body ends with its announced length only where the runtime ends it there", async () => {
  for (const isLengthFinal of [true, false]) {
    const from = source();
    const bounds = { ...BOUNDS, isLengthFinal };
    const body = new ArrivingBody(from.stream, "3", bounds, new BodyBudget(9_999));
    from.send("one");
    await new Promise((resolve) => setTimeout(resolve, 5));
    // Where it might go on, more than it announced is found.
    from.send("two");
    from.end();
    assert.equal((await body.whole).kind, isLengthFinal ? "whole" : "broken");
  }
});

test("what is discarded is not whole, though its end was not announced", async () => {
  const from = source();
  const body = new ArrivingBody(from.stream, null, BOUNDS, new BodyBudget(9_999));
  const reading = textOf(body.open());
  from.send("one");
  await new Promise((resolve) => setTimeout(resolve, 5));
  body.discard();
  await assert.rejects(reading);
  assert.deepEqual(await body.whole, { kind: "broken" });
});

test("an upstream that pauses for too long is given up", async () => {
  const from = source();
  const body = new ArrivingBody(
    from.stream,
    null,
    { ...BOUNDS, idleMs: 20 },
    new BodyBudget(9_999),
  );
  const reading = textOf(body.open());
  from.send("one");
  await assert.rejects(reading);
  assert.deepEqual(await body.whole, { kind: "broken" });
});

test("P8 a body that is too large is held in part, for who keeps up", async () => {
  const budget = new BodyBudget(1_000_000);
  const body = new ArrivingBody(endless(100), null, BOUNDS, budget);
  const slow = body.open();
  const fast = textOf(body.open());
  assert.deepEqual(await body.whole, { kind: "too-large" });
  assert.equal((await fast).length, 50_000);
  await assert.rejects(textOf(slow), /behind/);
  assert.equal(body.open(), null, "its beginning is gone");
  await body.done;
  assert.equal(budget.isSpent, false);
});

test("P8 nothing is read for nobody: a large body stops when its last reader leaves", async () => {
  let cancelled = false;
  const endlessly = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => controller.enqueue(new Uint8Array(500)),
      cancel: () => void (cancelled = true),
    },
    { highWaterMark: 0 },
  );
  const body = new ArrivingBody(endlessly, null, BOUNDS, new BodyBudget(1_000_000));
  const reader = (body.open() as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.cancel();
  await body.done;
  assert.equal(cancelled, true);
});

test("P8 what all bodies hold together is bounded, and given back", async () => {
  const budget = new BodyBudget(100_000);
  const bounds = { ...BOUNDS, wholeBytesMax: 90_000, heldBytesMax: 95_000 };
  const first = new ArrivingBody(endless(179), null, bounds, budget);
  const reader = first.open() as ReadableStream<Uint8Array>;
  assert.equal((await first.whole).kind, "whole");
  const second = new ArrivingBody(endless(400), null, bounds, budget);
  const read = textOf(second.open());
  assert.deepEqual(await second.whole, { kind: "too-large" });
  assert.equal((await read).length, 200_000);
  await reader.cancel();
  await Promise.all([first.done, second.done]);
  const third = new ArrivingBody(endless(179), null, bounds, budget);
  assert.equal((await third.whole).kind, "whole");
});

test("P8: who reads along sets no pace, holds nothing up, and goes with the last that reads", async () => {
  const pieces = 400;
  const budget = new BodyBudget(1e9);
  let most = 0;
  let held = 0;
  const take = budget.take.bind(budget);
  const give = budget.give.bind(budget);
  budget.take = (bytes) => {
    most = Math.max(most, (held += bytes));
    take(bytes);
  };
  budget.give = (bytes) => {
    held -= bytes;
    give(bytes);
  };
  const body = new ArrivingBody(endless(pieces), null, BOUNDS, budget);
  const [slow, along] = [body.open(), body.follow()];
  assert.ok(slow instanceof ReadableStream && along instanceof ReadableStream);
  const followed = new Response(along).arrayBuffer();
  let bytes = 0;
  for await (const piece of slow as ReadableStream<Uint8Array>) {
    bytes += piece.length;
    if (bytes % 20_000 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.deepEqual([bytes, (await followed).byteLength], [500 * pieces, 500 * pieces]);
  await body.done;
  assert.ok(most <= BOUNDS.heldBytesMax + 500, `${most} bytes held of ${bytes}`);
  assert.equal(held, 0);
  const left = new ArrivingBody(endless(pieces), null, BOUNDS, new BodyBudget(1e9));
  const [client, alone] = [left.open(), left.follow()];
  assert.ok(client instanceof ReadableStream && alone instanceof ReadableStream);
  const broken = new Response(alone).arrayBuffer();
  await client.cancel();
  await assert.rejects(broken);
});
