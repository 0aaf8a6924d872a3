// Is an id that was given out read back as what it was, and everything else refused?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ALL_PARTS, formatPositions, parsePositions } from "../../../../edge/live/position.ts";
import { readLiveQuery } from "../../../../edge/live/query.ts";

test("positions are read back as they were written", () => {
  const position = fc.record(
    {
      seq: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      parts: fc.integer({ min: 0, max: ALL_PARTS }),
      digest: fc.integer({ min: 0, max: 0xffff_ffff }),
    },
    { noNullPrototype: true },
  );
  const hub = fc.constantFrom("00-ff", "00-7f", "80-ff", "0a-0b");
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(hub, position), {
        minLength: 1,
        maxLength: 4,
        selector: ([name]) => name,
      }),
      (entries) => {
        const positions = new Map(entries);
        assert.deepEqual(parsePositions(formatPositions(positions)), positions);
      },
    ),
  );
});

test("P9 no other text is a position", () => {
  for (const text of [
    "",
    "00-ff",
    "00-ff:1.2",
    "00-ff:1.2.3.4",
    "00-ff:-1.2.3",
    "00-ff:1.zzzz.3",
    "00-ff:1.1.zzzzzzz",
    "00-ff:zzzzzzzzzzz.1.1",
    "00-fg:1.1.1",
    "00-ff:1.1.1,",
    `00-ff:${"1".repeat(3_000)}.1.1`,
  ])
    assert.equal(parsePositions(text), null, text);
  fc.assert(fc.property(fc.string(), (text) => void parsePositions(text)));
});

test("a query is read, and what is wrong in it is said", () => {
  const read = (text: string, id: string | null = null) =>
    readLiveQuery(new URLSearchParams(text), id);
  const plain = read("");
  assert.ok(plain.ok);
  assert.deepEqual(plain.value, {
    query: { devices: null, streams: null, prefix: null, kinds: ["readings", "alerts", "status"] },
    after: null,
  });
  const full = read("device=a&device=b&stream=x&prefix=fu&events=status", "00-ff:a.1.2");
  assert.ok(full.ok);
  assert.deepEqual(full.value.query, {
    devices: ["a", "b"],
    streams: ["x"],
    prefix: "fu",
    kinds: ["status"],
  });
  assert.deepEqual(full.value.after?.get("00-ff"), { seq: 10, parts: 1, digest: 2 });
  for (const [text, said] of [
    ["devices=a", /"devices"/],
    ["device=", /device is/],
    ["stream=A", /stream is/],
    ["prefix=a&prefix=b", /prefix, once/],
    ["events=", /events is/],
    ["last-event-id=1", /Last-Event-ID/],
  ] as const) {
    const wrong = read(text);
    assert.ok(!wrong.ok);
    assert.deepEqual([wrong.error.status, wrong.error.code], [400, "live-query"]);
    assert.match(wrong.error.detail, said);
  }
});
