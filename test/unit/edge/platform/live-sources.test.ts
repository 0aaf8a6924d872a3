// How do several hubs become one sequence? Each in its order, with an id that says where all of them
// stand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveEvents } from "../../../../edge/platform/live-sources.ts";
import { parsePositions } from "../../../../edge/live/position.ts";

const line = (seq: number, event = "readings"): string =>
  `${JSON.stringify({ at: { seq, parts: 1, digest: seq }, event, data: { n: `ä${seq}` } })}\n`;

/** A hub that says `text` in pieces of so many bytes, and then nothing, or ends. */
function source(hub: string, text: string, bytes: number, ends = false) {
  const encoded = new TextEncoder().encode(text);
  let at = 0;
  const cancelled = { is: false };
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at < encoded.length) controller.enqueue(encoded.slice(at, (at += bytes)));
      else if (ends) controller.close();
      else await new Promise(() => undefined);
    },
    cancel() {
      cancelled.is = true;
    },
  });
  return { hub, stream, cancelled };
}

test("lines that come in pieces are whole, and every hub gets its turn", async () => {
  const many = (from: number) => Array.from({ length: 5 }, (_, i) => line(from + i)).join("");
  const sources = [source("00-7f", many(1), 7), source("80-ff", many(101), 3)];
  const events = new LiveEvents(sources);
  const heard: Record<string, number[]> = { "00-7f": [], "80-ff": [] };
  let last = "";
  for (let i = 0; i < 10; i += 1) {
    const event = await events.take();
    assert.ok(event !== null);
    const seq = parsePositions(event.id)?.get(event.hub)?.seq ?? 0;
    assert.deepEqual(event.data, { n: `ä${seq}` });
    heard[event.hub]?.push(seq);
    last = event.id;
  }
  assert.deepEqual(heard, { "00-7f": [1, 2, 3, 4, 5], "80-ff": [101, 102, 103, 104, 105] });
  const positions = parsePositions(last);
  assert.deepEqual([positions?.get("00-7f")?.seq, positions?.get("80-ff")?.seq], [5, 105]);
  await events.end();
  assert.deepEqual(
    sources.map(({ cancelled }) => cancelled.is),
    [true, true],
  );
});

test("no id leaves out a hub, also one that has nothing to say", async () => {
  const quiet = source("80-ff", line(9, "heartbeat"), 2);
  const events = new LiveEvents([source("00-7f", line(1) + line(2), 99), quiet]);
  const ids = [await events.take(), await events.take()].map((event) => event?.id ?? "");
  for (const id of ids) assert.equal(parsePositions(id)?.get("80-ff")?.seq, 9);
  await events.end();
});

test("one hub that ends, or says what is no line, ends all of it", async () => {
  for (const bad of [source("80-ff", "", 9, true), source("80-ff", "{\n", 9)]) {
    const events = new LiveEvents([source("00-7f", line(1), 9), bad]);
    let taken = 0;
    while ((await events.take()) !== null) taken += 1;
    assert.ok(taken <= 1);
    await events.end();
  }
});
