// What does a listener hear of a hub's journal? Over the real store, on SQLite in memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ALL_PARTS, type LivePosition } from "../../../../edge/live/position.ts";
import type { LiveLine } from "../../../../edge/live/live-line.ts";
import type { LiveQuery } from "../../../../edge/live/query.ts";
import { TailReader, type TailJournal } from "../../../../edge/live/tail-reader.ts";
import { decodeBatches } from "../../../../sync/wire/batch.ts";
import { TestOrigin, TestRegion } from "../../../support/regions.ts";

const T0 = 1_790_000_000_000;
const ALL: LiveQuery = { devices: null, streams: null, prefix: null, kinds: ["readings"] };

function journalOf(region: TestRegion): TailJournal {
  return {
    extent: () => region.store.extent(),
    entriesAfter: (after, bytes, most) => region.store.entriesAfter(after, bytes, most),
    batchesOf: ({ body }) => {
      const decoded = decodeBatches(body);
      assert.ok(decoded.ok);
      return decoded.value;
    },
  };
}

/** A region with so many commits of one reading each. */
function regionWith(commits: number): TestRegion {
  const region = new TestRegion("hel", new TestOrigin(), T0);
  for (let i = 1; i <= commits; i += 1) commit(region, i);
  return region;
}

function commit(region: TestRegion, value: number): void {
  region.nowMs += 1;
  const told = region.post({ t: [T0 + value], series: { depth_m: [value], hatch_open: [true] } });
  assert.equal(told.kind, "committed");
}

function readerOf(region: TestRegion, after: LivePosition | null, lagMax = 1_024): TailReader {
  const { head } = region.store.extent();
  return new TailReader(journalOf(region), ALL, after, head, { lagMax, sliceReadings: 1 });
}

/** Everything that a reader tells up to now, in lines. */
function drain(reader: TailReader, region: TestRegion): LiveLine[] {
  const lines: LiveLine[] = [];
  for (;;) {
    const step = reader.next(region.store.extent().head);
    lines.push(...step.lines);
    if (!step.isMore) return lines;
  }
}

const told = ({ event, data }: LiveLine): unknown =>
  event === "readings"
    ? (data as { series: { depth_m: number[] } }).series.depth_m[0]
    : `${event} ${(data as { reason: string; commits: number }).reason} ${(data as { commits: number }).commits}`;

test("a listener hears from now on, and nothing before it is on disk", () => {
  const region = regionWith(3);
  const reader = readerOf(region, null);
  assert.deepEqual(drain(reader, region), []);
  commit(region, 4);
  assert.deepEqual(reader.next(3), { lines: [], isMore: false });
  assert.deepEqual(drain(reader, region).map(told), [4]);
});

test("a hub that holds nothing yet has a position, too", () => {
  const region = regionWith(0);
  const reader = readerOf(region, null);
  assert.deepEqual(reader.at, { seq: 0, parts: ALL_PARTS, digest: 0 });
  commit(region, 1);
  assert.deepEqual(drain(readerOf(region, reader.at), region).map(told), [1]);
});

test("whoever comes back anywhere hears the rest, once, also after a restart", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("commit", "read", "come back", "restart"), { maxLength: 40 }),
      (steps) => {
        const region = regionWith(1);
        let reader = readerOf(region, null);
        const heard: unknown[] = [];
        let value = 1;
        const expected: number[] = [];
        for (const step of steps) {
          if (step === "commit") {
            commit(region, (value += 1));
            expected.push(value);
          } else if (step === "read")
            heard.push(...reader.next(region.store.extent().head).lines.map(told));
          else {
            if (step === "restart") region.crash();
            reader = readerOf(region, reader.at);
          }
        }
        heard.push(...drain(reader, region).map(told));
        assert.deepEqual(heard, expected);
      },
    ),
    { numRuns: 60 },
  );
});

test("whoever falls behind is told how much it has missed, and goes on nearer to the end", () => {
  const region = regionWith(1);
  const reader = readerOf(region, null, 10);
  for (let i = 2; i <= 30; i += 1) commit(region, i);
  assert.deepEqual(drain(reader, region).map(told), ["gap slow 24", 26, 27, 28, 29, 30]);
  assert.equal(reader.at.seq, 30);
});

test("a position that lies too far back, or is not of this history, is a gap", () => {
  const region = regionWith(30);
  const [entry] = region.store.entriesAfter(4, 0, 1);
  assert.ok(entry !== undefined);
  const old = readerOf(region, null);
  const at = (position: Partial<LivePosition>): unknown[] => {
    const after = { ...old.at, ...position };
    return drain(readerOf(region, after, 10), region).map(told);
  };
  assert.deepEqual(at({}), []);
  assert.deepEqual(at({ digest: 7 }), ["gap other-history null"]);
  assert.deepEqual(at({ seq: 31 }), ["gap other-history null"]);
  assert.deepEqual(at({ seq: 0, digest: 0 }), ["gap too-old 25", 26, 27, 28, 29, 30]);
  const copy = region.copy();
  const first = readerOf(region, null).at;
  commit(region, 31);
  const later = readerOf(region, null).at;
  region.restore(copy);
  commit(region, 41);
  assert.deepEqual(drain(readerOf(region, first), region).map(told), [41]);
  assert.deepEqual(drain(readerOf(region, later), region).map(told), ["gap other-history null"]);
});

test("a listener hears the columns that it asked for, with the rows that these have", () => {
  const region = regionWith(0);
  const query = { ...ALL, prefix: "fuel" };
  const reader = new TailReader(journalOf(region), query, null, 0);
  region.post({ t: [T0, T0 + 1, T0 + 2], series: { depth_m: [1, 2, 3], fuel_l: [null, 5, null] } });
  region.post({ t: [T0 + 3], series: { depth_m: [4] } });
  const [line, ...others] = drain(reader, region);
  assert.deepEqual(others, []);
  assert.ok(line !== undefined);
  const { t, series } = line.data as { t: unknown; series: unknown };
  assert.deepEqual([t, series], [[T0 + 1], { fuel_l: [5] }]);
  // It has heard all of the journal, though it was told little of it.
  assert.equal(reader.at.seq, 2);
});
