// Goal: in the coded encoding everything comes back as it was, both ends are left with the same, and no
// bytes whatever make a reader throw, hang, or stand for much more than they are.
// Method: numbers and whole links round trip on generated frames; mutated good frames and random bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { FRAME_BYTES_MAX, FRAME_STATE_ENTRIES_MAX } from "../../sync/limits.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import type { DownFrame } from "../../sync/wire/down-frame.ts";
import { digestOf, type Group } from "../../sync/wire/frame.ts";
import { Models, RangeCoder } from "../../sync/wire/range/coder.ts";
import { askedBy, readDown, readUp, writeDown, writeUp } from "../../sync/wire/range/frames.ts";
import { toldBy, type LinkMemory } from "../../sync/wire/range/memory.ts";
import { codeSigned, SIGNED_SLOTS } from "../../sync/wire/range/numbers.ts";
import type { UpFrame } from "../../sync/wire/up-frame.ts";
import { ALL_KINDS } from "../../tools/frame/kinds.ts";
import { newMemory, START_MS } from "../support/coded.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const number = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.integer({ min: -99_999, max: 99_999 }).map((value) => value / 100),
  fc.maxSafeInteger().filter((value) => Math.abs(value) < 2 ** 52),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.constantFrom(2 ** 52, -(2 ** 52), 1e300, 0.1, 2 ** 53),
);
const scalar = fc.oneof(
  number,
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: "binary", maxLength: 9 }),
);
const stamp = fc.tuple(fc.nat(90_000), fc.nat(3)).map(([age, logical]) => ({
  wallMs: START_MS - age * 16,
  logical,
}));
const lww = fc
  .tuple(stamp, scalar, fc.boolean())
  .map(([at, value, isDeleted]) => ({ stamp: at, value: isDeleted ? null : value, isDeleted }));
const key = fc
  .tuple(fc.nat(12), fc.constantFrom("", "/temp", "/hum", "|a#1", "/x/y", "|", "é"))
  .map(([device, tail]) => `pump-${device}${tail}`);
const keys = fc.uniqueArray(key, { maxLength: 12 });

/** Values that a kind may send up. */
const VALUES: Readonly<Record<number, fc.Arbitrary<unknown>>> = {
  1: lww,
  2: number,
  4: fc.oneof(fc.nat(40), fc.maxSafeNat()),
  5: fc.record({ added: fc.nat(99), removed: fc.nat(99) }),
  10: fc.oneof(
    fc.constant({ kind: "add", value: true }),
    fc.nat(99).map((context) => ({ kind: "remove", context })),
  ),
  11: fc.oneof(
    lww.map((value) => ({ kind: "add", value })),
    fc.nat(99).map((context) => ({ kind: "remove", context })),
  ),
};

function groupOf(kind: number, way: "up" | "down"): fc.Arbitrary<Group> {
  const codec = ALL_KINDS.find(({ code }) => code === kind)?.[way];
  const value = VALUES[kind];
  assert.ok(codec !== undefined && value !== undefined);
  return keys.chain((names) =>
    fc.array(value, { minLength: names.length, maxLength: names.length }).map((values) => {
      const writer = new ByteWriter();
      codec.write(writer, values);
      return { collection: kind, kind, keys: names, body: writer.bytes() };
    }),
  );
}

/** A group that is not what its kind writes, or whose kind is not known. */
const strangeGroup: fc.Arbitrary<Group> = fc
  .tuple(fc.constantFrom(1, 4, 10, 77), keys, fc.uint8Array({ maxLength: 40 }))
  .map(([kind, names, body]) => ({ collection: kind, kind, keys: names, body }));

const upGroups = fc.array(
  fc.oneof(...[1, 2, 4, 5, 10, 11].map((kind) => groupOf(kind, "up")), strangeGroup),
  { maxLength: 4 },
);
const downGroups = fc.array(fc.oneof(...[1, 2, 4].map((kind) => groupOf(kind, "down"))), {
  maxLength: 3,
});

/** An exchange: what goes up, what comes down, and how time goes by. */
const exchanges = fc.array(
  fc.record({ up: upGroups, down: downGroups, tookMs: fc.nat(90_000), ahead: fc.nat(3) }),
  { minLength: 1, maxLength: 5 },
);

/** Rows of a group by key: in the coded encoding keys are sorted, and what is said of them with them. */
function contentOf(groups: readonly Group[], way: "up" | "down"): unknown {
  return groups.map(({ collection, kind, keys: names, body }) => {
    const codec = ALL_KINDS.find(({ code }) => code === kind)?.[way];
    const isTyped = VALUES[kind] !== undefined && codec !== undefined;
    const rows = isTyped ? rowsOf(codec, names, body) : null;
    return { collection, kind, rows: rows ?? [names, body] };
  });
}

type AnyCodec = (typeof ALL_KINDS)[number]["up"];

function rowsOf(codec: AnyCodec, names: readonly string[], body: Uint8Array): unknown {
  const reader = new ByteReader(body);
  const values = codec.read(reader, names.length);
  return reader.isDone ? new Map(names.map((name, i) => [name, values[i]])) : null;
}

test("numbers come back, whatever was coded before them", () => {
  const signed = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -5, max: 5 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(signed, fc.nat(2 ** 20 - 1))), (list) => {
      const code = (coder: RangeCoder): number[] => {
        const at = coder.models.take(SIGNED_SLOTS);
        return list.flatMap(([value, plain]) => [
          codeSigned(coder, at, value),
          coder.plain(20, plain),
        ]);
      };
      const writer = new RangeCoder(new Models(true));
      assert.deepEqual(
        code(writer),
        list.flat().map((value) => value + 0),
      );
      const bytes = writer.finish();
      const reader = new RangeCoder(new Models(true), bytes);
      assert.deepEqual(
        code(reader),
        list.flat().map((value) => value + 0),
      );
      assert.equal(reader.isDone, true);
      const longer = new RangeCoder(new Models(true), Uint8Array.of(...bytes, 1, 1, 1, 1, 1));
      // Where zeros at the end were left out, more bytes are other numbers.
      const isOther = !isDeepStrictEqual(
        code(longer),
        code(new RangeCoder(new Models(true), bytes)),
      );
      assert.ok(isOther || !longer.isDone, "more bytes than were written are a second form");
    }),
  );
});

test("frames come back, exchange after exchange, and leave both ends with the same", () => {
  fc.assert(
    fc.property(exchanges, (list) => {
      const [edge, hub] = [newMemory(), newMemory()];
      for (const { up, down, tookMs, ahead } of list) {
        const request = requestOf(edge, up, tookMs, ahead);
        const bytes = writeUp(edge, request);
        assert.ok(bytes !== null, "it has a form");
        const read = readUp(hub, bytes);
        assert.ok(read !== null, "it is read");
        assert.deepEqual(contentOf(read.groups, "up"), contentOf(request.groups, "up"));
        const { groups: _, newKeys, version, ...said } = read;
        const { groups: __, ...given } = request;
        assert.deepEqual([said, newKeys, version], [given, null, 1]);
        answer(edge, hub, { request, bytes, down });
        assert.deepEqual(edge, hub);
      }
    }),
    { numRuns: 300 },
  );
});

function requestOf(memory: LinkMemory, groups: Group[], tookMs: number, ahead: number): UpFrame {
  const { link, at, told, hubNowMs } = memory.exchanged;
  const to = at.seq + groups.length;
  const speaker = { kind: "link", link } as const;
  const sentMs = hubNowMs + tookMs;
  const where = { from: at, to, head: to + ahead, ack: told };
  return { speaker, floor: 1, sentMs, ...where, isKeyless: ahead === 1, log: [], groups };
}

interface Asking {
  readonly request: UpFrame;
  readonly bytes: Uint8Array;
  readonly down: Group[];
}

function answer(edge: LinkMemory, hub: LinkMemory, { request, bytes, down }: Asking): void {
  const asked = askedBy(request, digestOf(bytes));
  const from = request.ack.seq;
  const horizon = from === 0 ? { seq: 4, stamp: { wallMs: 9, logical: 1 }, known: 2 } : null;
  const to = from + down.length;
  const state = { from, to, head: to + 1, stable: Math.max(0, from - 1), horizon, groups: down };
  const { link } = hub.exchanged;
  const hubNowMs = request.sentMs + 3;
  const told: DownFrame = { outcome: "applied", link, at: asked.at, hubNowMs, state };
  const written = writeDown(hub, asked, told);
  assert.ok(written !== null);
  const read = readDown(edge, asked, written);
  assert.ok(read?.state);
  assert.deepEqual(contentOf(read.state.groups, "down"), contentOf(down, "down"));
  assert.deepEqual(
    { ...read, state: { ...read.state, groups: down }, newKeys: null },
    { ...told, newKeys: null },
  );
  const digest = digestOf(written);
  const left = { digest, at: asked.at, hubNowMs, told: toldBy(request.ack, state, digest) };
  for (const memory of [edge, hub]) memory.settle(left);
}

test("a reader answers any bytes with a frame or null, and a frame stands for no more than it may", () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(upGroups, edits).map(([groups, changes]) => {
      const memory = newMemory();
      const good = writeUp(memory, requestOf(newMemory(), groups, 5, 0)) ?? new Uint8Array(9);
      for (const [at, value] of changes) good[at % good.length] = value;
      return good;
    }),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      const asked = {
        digest: 1,
        at: { seq: 0, digest: 0 },
        ack: { seq: 0, digest: 0 },
        sentMs: 0,
        side: "down" as const,
      };
      const startedMs = performance.now();
      const up = readUp(newMemory(), input);
      readDown(newMemory(), asked, input);
      assert.ok(performance.now() - startedMs < 2_000);
      const entries = up?.groups.reduce((sum, group) => sum + group.keys.length, 0) ?? 0;
      assert.ok(entries <= FRAME_STATE_ENTRIES_MAX);
    }),
    { numRuns: 2_000 },
  );
});

test("what is read on another memory is no frame, also where nothing is said of entries", () => {
  const steps = fc.array(fc.tuple(fc.nat(90_000), fc.nat(3)), { minLength: 1, maxLength: 9 });
  const said = fc.oneof(fc.constant<Group[]>([]), upGroups);
  fc.assert(
    fc.property(steps, said, (before, groups) => {
      const [edge, hub] = [newMemory(), newMemory()];
      // As if the tables of one end had begun anew, after the same exchange.
      for (const [tookMs, ahead] of before) writeUp(edge, requestOf(edge, [], tookMs, ahead));
      const bytes = writeUp(edge, requestOf(edge, groups, 5, 0));
      assert.ok(bytes !== null);
      assert.equal(readUp(hub, bytes), null);
    }),
    { numRuns: 300 },
  );
});

test("what no plain frame may say has no form here either", () => {
  const [group] = [{ collection: 0, kind: 4, keys: ["a"], body: Uint8Array.of(1) }];
  assert.equal(writeUp(newMemory(), requestOf(newMemory(), [group], 5, 0)), null);
  const asked = {
    digest: 1,
    at: { seq: 0, digest: 0 },
    ack: { seq: 0, digest: 0 },
    sentMs: 0,
    side: "down" as const,
  };
  const stamp = { wallMs: 9, logical: 70_000 };
  const horizon = { seq: 0, stamp, known: 0 };
  const state = { from: 0, to: 1, head: 1, stable: 0, horizon, groups: [] };
  const { link } = newMemory().exchanged;
  const told: DownFrame = { outcome: "applied", link, at: asked.at, hubNowMs: 3, state };
  assert.equal(writeDown(newMemory(), asked, told), null);
});

test("a memory says within a fifth how many bytes of memory it takes", () => {
  const names: readonly ((at: number) => string)[] = [
    (at) => `pump-${at >> 2}/${["temp", "hum", "volt", "rpm"][at & 3] ?? ""}`,
    (at) => `boat-${at}`,
    (at) => `all/${at}`,
    (at) => `rule-${at % 7}/boat-${at}/17890000${at}`,
  ];
  const held: unknown[] = [];
  for (const nameOf of names) {
    const groups = [4_096, 8_192].map((end) => {
      const keys = Array.from({ length: 4_096 }, (_, at) => nameOf(end - 4_096 + at));
      return [{ collection: 1, kind: 4, keys, body: new Uint8Array(keys.length) }];
    });
    const writer = newMemory();
    const frames = groups.map((group) => writeUp(writer, requestOf(newMemory(), group, 5, 0)));
    held.push(writer, frames, groups);
    const before = bytesInUse();
    const memory = newMemory();
    held.push(memory);
    for (const frame of frames) assert.ok(frame && readUp(memory, frame));
    const taken = bytesInUse() - before;
    assert.ok(Math.abs(memory.size / taken - 1) < 0.2, `${memory.size} are said, ${taken} taken`);
  }
});

/** Bytes of memory that are in use, once nothing is left to be collected. */
function bytesInUse(): number {
  for (let i = 0; i < 6; i += 1) collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("a body that takes far fewer bytes than it has is not coded: a few bytes never stand for much", () => {
  const body = new Uint8Array(FRAME_BYTES_MAX / 2);
  const group = { collection: 1, kind: 77, keys: ["a"], body };
  assert.equal(writeUp(newMemory(), requestOf(newMemory(), [group], 5, 0)), null);
});
