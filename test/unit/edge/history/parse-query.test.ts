// Is each parameter of a query taken as it says, and is what is wrong named?

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCursor, parseCursor } from "../../../../edge/history/cursor.ts";
import { parseHistoryQuery, type AskedHistory } from "../../../../edge/history/parse-query.ts";
import { deviceId } from "../../../support/arbitraries.ts";

const DEVICE = deviceId("boat-1");

function parse(text: string): ReturnType<typeof parseHistoryQuery> {
  return parseHistoryQuery(DEVICE, new URLSearchParams(text));
}

function good(text: string): AskedHistory {
  const asked = parse(text);
  assert.ok(asked.ok, text);
  return asked.value;
}

/** The parameters that a query is refused for. */
function wrong(text: string): string[] {
  const asked = parse(text);
  assert.ok(!asked.ok, text);
  assert.equal(asked.error.status, 400);
  return (asked.error.errors ?? []).map(({ code }) => code);
}

test("without parameters everything is asked for, a thousand readings at a time", () => {
  assert.deepEqual(good(""), {
    query: {
      device: DEVICE,
      streams: null,
      fromMs: 0,
      toMs: 253_402_300_800_000,
      resolution: "raw",
      limit: 1_000,
      isWithQuarantined: false,
      after: null,
    },
    format: null,
  });
});

test("streams are sorted, each once, with commas or given again", () => {
  assert.deepEqual(good("stream=b,a&stream=c&stream=a").query.streams, ["a", "b", "c"]);
});

test("times are RFC 3339 or epoch milliseconds", () => {
  const { fromMs, toMs } = good("from=2026-01-31T12:00:00%2B02:00&to=1790000000001").query;
  assert.deepEqual([fromMs, toMs], [Date.UTC(2026, 0, 31, 10), 1_790_000_000_001]);
});

test("every parameter that is wrong is named", () => {
  assert.deepEqual(
    wrong("stream=A&from=x&to=1e3x&resolution=2m&limit=1.5&format=xml&quarantined=1"),
    ["stream", "from", "to", "resolution", "quarantined", "limit", "format"],
  );
  assert.deepEqual(wrong("stream="), ["stream"]);
  assert.deepEqual(wrong("from=2026-01-31T12:00:00+02:00"), ["from"]);
  assert.deepEqual(wrong("from=5&to=5"), ["to"]);
  assert.deepEqual(wrong("limit=1&limit=1"), ["limit"]);
  assert.deepEqual(wrong("resolution=toString"), ["resolution"]);
  assert.deepEqual(wrong("__proto__=1"), ["unknown-parameter"]);
});

test("a cursor goes on with its own question, whatever the page's size", () => {
  const { query } = good("stream=a&from=5");
  const position = { timeMs: 1_790_000_000_000, stream: "depth_m", isQuarantined: true };
  const cursor = formatCursor(query, position);
  assert.match(cursor, /^[A-Za-z0-9_-]+$/);
  assert.deepEqual(
    good(`stream=a&from=5&limit=3&format=csv&cursor=${cursor}`).query.after,
    position,
  );
  for (const other of [
    "stream=b&from=5",
    "stream=a&from=6",
    "from=5",
    "stream=a&from=5&to=9",
    "stream=a&from=5&resolution=1h",
    "stream=a&from=5&quarantined=true",
  ])
    assert.deepEqual(wrong(`${other}&cursor=${cursor}`), ["cursor"], other);
  assert.equal(parseCursor({ ...query, device: deviceId("boat-2") }, cursor), null);
});

test("a cursor that nobody gave is refused", () => {
  const { query } = good("");
  const check = formatCursor(query, { timeMs: 1, stream: "", isQuarantined: false }).slice(7);
  for (const text of [
    "",
    "1",
    "x",
    `1-zzzzzzzzzz--0-${check}`,
    `1-1--2-${check}`,
    `1-1-A-0-${check}`,
    `2-1--0-${check}`,
    "1-1--0-0",
    `1-1--0-${check} `,
  ])
    assert.equal(parseCursor(query, text), null, text);
  assert.deepEqual(parseCursor(query, `1-1--0-${check}`), {
    timeMs: 1,
    stream: "",
    isQuarantined: false,
  });
});
