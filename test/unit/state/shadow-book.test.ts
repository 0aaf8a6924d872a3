// What do the shadows of two regions and an origin come to, and what do they not take?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ShadowBook, type ShadowReplica, type ShadowWrite } from "../../../state/shadow-book.ts";
import { shadowView } from "../../../state/shadow-view.ts";
import { desired, reported } from "../../../state/region.ts";
import { readPatch } from "../../../state/shadow.ts";
import { openRegionHub, region } from "../../support/region-replicas.ts";

const NOW = 1_790_000_000_000;
const read = (patch: unknown) => {
  const parsed = readPatch(patch, "");
  assert.ok(parsed.ok);
  return parsed.value;
};

/** A book over a replica whose link notes nothing: it looks anew before it is asked. */
function bookOf(replica: ShadowReplica, fieldsMax?: number) {
  const book = new ShadowBook(replica, fieldsMax);
  return {
    book,
    report: (device: string, patch: unknown, nowMs = NOW): ShadowWrite =>
      book.patch("reported", device, read(patch), nowMs),
    desire: (device: string, patch: unknown, version?: number): ShadowWrite =>
      book.patch("desired", device, read(patch), NOW, (held) => held === (version ?? held)),
    view: (device: string) => {
      book.look();
      const { desired: want, reported: have, delta } = shadowView(book.find(device), String);
      return JSON.parse(JSON.stringify({ want, have, delta })) as object;
    },
  };
}

test("desired goes down, reported goes up and to the other region, the delta is the same everywhere", async () => {
  const hub = openRegionHub();
  const [hel, tll] = [region("hel", hub), region("tll", hub)];
  const [origin, north, south] = [hub, hel.replica, tll.replica].map((replica) => bookOf(replica));
  assert.ok(origin !== undefined && north !== undefined && south !== undefined);
  assert.equal(origin.desire("boat-1", { lamp: { on: true, level: 3 } }).kind, "written");
  for (const each of [hel, tll]) await each.untilAtRest();
  assert.equal(north.report("boat-1", { lamp: { on: true }, fw: "1.2" }).kind, "written");
  for (const each of [hel, tll]) await each.untilAtRest();
  const expected = {
    want: { lamp: { level: 3, on: true } },
    have: { fw: "1.2", lamp: { on: true } },
    delta: { lamp: { level: 3 } },
  };
  for (const each of [origin, north, south]) assert.deepEqual(each.view("boat-1"), expected);
  assert.deepEqual(north.view("boat-2"), { want: {}, have: {}, delta: {} });
});

test("what is desired has a version, and is written only on top of it", () => {
  const { desire, book } = bookOf(openRegionHub());
  assert.equal(desire("boat-1", { a: 1 }, 0).kind, "written");
  assert.deepEqual(desire("boat-1", { a: 2 }, 0), { kind: "outdated", version: 1 });
  assert.equal(desire("boat-1", { a: 2, b: null }, 1).kind, "written");
  assert.equal(book.find("boat-1").version, 2);
  // Nothing to do is no change.
  assert.equal(desire("boat-1", { b: null }).kind, "written");
  assert.equal(book.find("boat-1").version, 2);
});

test("P3 whatever regions report at once, all ends show the same in the end", async () => {
  const change = fc.record({
    at: fc.constantFrom(0, 1),
    patch: fc.constantFrom<unknown>(
      { a: 1 },
      { a: 2, b: 1 },
      { a: { c: 1 } },
      { a: { c: null, d: "x" } },
      { a: null },
      { b: { c: { d: true } } },
      { b: 7, a: null },
    ),
    skewMs: fc.integer({ min: -500, max: 500 }),
    syncs: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
      const hub = openRegionHub();
      const ends = [region("hel", hub), region("tll", hub)] as const;
      const books = [bookOf(ends[0].replica), bookOf(ends[1].replica)] as const;
      for (const [i, { at, patch, skewMs, syncs }] of changes.entries()) {
        books[at].book.look();
        books[at].report("boat-1", patch, Date.now() + skewMs + i);
        if (syncs) await ends[at].untilAtRest();
      }
      for (const end of [...ends, ...ends]) await end.untilAtRest();
      const origin = bookOf(hub).view("boat-1");
      for (const book of books) assert.deepEqual(book.view("boat-1"), origin);
    }),
    { numRuns: 60 },
  );
});

test("P8 a shadow has a bound, and so have all of them; taking away is never refused", async () => {
  const hub = openRegionHub();
  const end = region("hel", hub);
  const { report, book } = bookOf(end.replica, 310);
  const fields = (from: number, count: number, value: unknown = 1) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${from + i}`, value]));
  assert.equal(report("boat-1", fields(0, 128)).kind, "written");
  assert.deepEqual(report("boat-1", { more: 1 }), { kind: "too-many-fields", fields: 129 });
  assert.equal(report("boat-1", { more: 1, f0: null }).kind, "written");
  assert.equal(report("boat-2", fields(0, 32, "x".repeat(256))).kind, "too-large");
  assert.equal(report("boat-2", fields(0, 31, "x".repeat(256))).kind, "written");
  assert.equal(report("boat-2", { f0: "x" }).kind, "written");
  for (const device of ["boat-3", "boat-4"]) {
    const kind = report(device, fields(0, 100)).kind;
    assert.equal(kind, device === "boat-3" ? "written" : "full");
  }
  // What is there may change, and go; a deletion that the hub has heard of leaves its place.
  assert.equal(report("boat-3", { f0: 2 }).kind, "written");
  assert.equal(
    report("boat-3", Object.fromEntries(Object.keys(fields(0, 100)).map((k) => [k, null]))).kind,
    "written",
  );
  assert.equal(report("boat-4", fields(0, 100)).kind, "full");
  for (let turn = 0; turn < 4; turn += 1) {
    await end.untilAtRest();
    report("boat-2", { f0: turn });
  }
  assert.equal(report("boat-4", fields(0, 100)).kind, "written");
  assert.equal(book.find("boat-3").reported.length, 0);
});

test("what one device deletes while the origin is away is bounded too", () => {
  const { report } = bookOf(region("hel", openRegionHub()).replica);
  let written = 0;
  for (let i = 0; i < 1_000; i += 1) {
    if (report("boat-1", { [`f${i}`]: 1 }).kind === "full") break;
    report("boat-1", { [`f${i}`]: null });
    written += 1;
  }
  assert.equal(written, 512);
});

test("a device that is decommissioned leaves nothing", async () => {
  const hub = openRegionHub();
  const end = region("hel", hub);
  const [origin, north] = [bookOf(hub), bookOf(end.replica)];
  origin.desire("boat-1", { a: 1 });
  await end.untilAtRest();
  north.report("boat-1", { a: 2 });
  await end.untilAtRest();
  origin.book.look();
  origin.book.forget("boat-1", Date.now());
  for (let turn = 0; turn < 3; turn += 1) await end.untilAtRest();
  assert.deepEqual(north.view("boat-1"), { want: {}, have: {}, delta: {} });
  assert.equal(end.replica.held(reported).size + end.replica.held(desired).size, 0);
  assert.equal(hub.held(reported).size + hub.held(desired).size, 0);
});
