// Which frames are taken at their bounds, in both directions, and what do a dictionary and groups do
// over several frames? Everything that is refused is in test/vectors/wire/refused.json.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DICTIONARY_KEYS_MAX,
  ENTRY_BYTES_MAX,
  EXTENSION_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_ENTRIES_MAX,
  FRAME_GROUPS_MAX,
  FRAME_KEYS_MAX,
  FRAME_STATE_ENTRIES_MAX,
  KEY_BYTES_MAX,
} from "../../../../sync/limits.ts";
import { ByteWriter } from "../../../../sync/wire/bytes.ts";
import { crc32c } from "../../../../sync/wire/crc32c.ts";
import { KeyDictionary } from "../../../../sync/wire/dictionary.ts";
import { decodeDownFrame, encodeDownFrame } from "../../../../sync/wire/down-frame.ts";
import type { FrameError, Group } from "../../../../sync/wire/frame.ts";
import {
  decodeUpFrame,
  encodeUpFrame,
  type ReceivedUpFrame,
  type UpFrame,
} from "../../../../sync/wire/up-frame.ts";
import { dictionaryOf } from "../../../support/wire.ts";

const AT = { seq: 0, digest: 0 };

function frame(fields: Partial<UpFrame> = {}): UpFrame {
  return {
    speaker: { kind: "link", link: 5 },
    floor: 1,
    head: 9_999,
    sentMs: 5,
    from: AT,
    to: 9_999,
    ack: AT,
    isKeyless: false,
    log: [],
    groups: [],
    ...fields,
  };
}

function logOf(count: number, body: Uint8Array): UpFrame["log"] {
  return Array.from({ length: count }, (_, i) => ({ seq: i + 1, stampMs: 5, body }));
}

function group(keys: readonly string[], collection = 1): Group {
  return { collection, kind: 1, keys, body: Uint8Array.from(keys, () => 0) };
}

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`);
}

const CASES: readonly (readonly [string, Partial<UpFrame>, FrameError | null])[] = [
  ["the most entries", { log: logOf(FRAME_ENTRIES_MAX, Uint8Array.of(1)) }, null],
  ["one more", { log: logOf(FRAME_ENTRIES_MAX + 1, Uint8Array.of(1)) }, "broken-frame"],
  ["the longest entry", { log: logOf(1, new Uint8Array(ENTRY_BYTES_MAX)) }, null],
  ["a longer one", { log: logOf(1, new Uint8Array(ENTRY_BYTES_MAX + 1)) }, "broken-frame"],
  ["too many bytes", { log: logOf(2, new Uint8Array(ENTRY_BYTES_MAX)) }, "too-large"],
  ["the most keys", { groups: [group(keysOf(FRAME_KEYS_MAX))] }, null],
  ["one more key", { groups: [group(keysOf(FRAME_KEYS_MAX + 1))] }, "broken-frame"],
  ["the longest key", { groups: [group(["k".repeat(KEY_BYTES_MAX)])] }, null],
  ["a longer one", { groups: [group(["k".repeat(KEY_BYTES_MAX + 1)])] }, "broken-frame"],
  ["the most groups", { groups: groupsOf(FRAME_GROUPS_MAX) }, null],
  ["one more group", { groups: groupsOf(FRAME_GROUPS_MAX + 1) }, "broken-frame"],
  [
    "more entries than a frame may have, in two groups",
    { groups: [group(keysOf(FRAME_STATE_ENTRIES_MAX)), group(["k0"], 2)] },
    "broken-frame",
  ],
];

function groupsOf(count: number): Group[] {
  return Array.from({ length: count }, (_, i) => group(["k"], i + 1));
}

for (const [what, fields, error] of CASES)
  test(`decodeUpFrame() of ${what}: ${error ?? "a frame"}`, () => {
    const read = decodeUpFrame(encodeUpFrame(frame(fields)));
    assert.equal(read.ok ? null : read.error, error);
    if (!read.ok) return;
    assert.deepEqual([read.value.log, read.value.groups].map(lengthsOf), [
      lengthsOf(fields.log ?? []),
      lengthsOf(fields.groups ?? []),
    ]);
  });

function lengthsOf(bodies: readonly { readonly body: Uint8Array }[]): number[] {
  return bodies.map(({ body }) => body.length);
}

test("a frame may be read out of the middle of a larger buffer", () => {
  const bytes = encodeUpFrame(frame({ groups: [group(["a", "b"])] }));
  const around = new Uint8Array(bytes.length + 20).fill(0xff);
  around.set(bytes, 10);
  assert.deepEqual(decodeUpFrame(around.subarray(10, 10 + bytes.length)), decodeUpFrame(bytes));
});

test("bytes beyond the bound are not looked at", () => {
  for (const decode of [decodeUpFrame, decodeDownFrame]) {
    const read = decode(new Uint8Array(FRAME_BYTES_MAX + 1).fill(0x53));
    assert.equal(read.ok ? null : read.error, "too-large");
  }
});

test("an extension is left alone, up to its bound", () => {
  const plain = encodeUpFrame(frame());
  const extended = (length: number): Uint8Array => {
    const writer = new ByteWriter();
    writer.raw(plain.subarray(0, 3));
    writer.byte((plain[3] ?? 0) | 0x80);
    writer.block(new Uint8Array(length).fill(7));
    writer.raw(plain.subarray(4, -4));
    writer.uint32(crc32c(writer.bytes()));
    return writer.bytes();
  };
  assert.deepEqual(decodeUpFrame(extended(EXTENSION_BYTES_MAX)), decodeUpFrame(plain));
  assert.equal(decodeUpFrame(extended(EXTENSION_BYTES_MAX + 1)).ok, false);
});

test("versions: the newest and the one before are read, and a frame says which it is", () => {
  const versions = { min: 4, max: 5 };
  const errors = [3, 4, 5, 6].map((version) => {
    const bytes = encodeUpFrame(frame(), undefined, 0, version);
    const read = decodeUpFrame(bytes, undefined, versions);
    return read.ok ? read.value.version : read.error;
  });
  assert.deepEqual(errors, ["unknown-version", 4, 5, "unknown-version"]);
});

/** Sends groups; gives the frame, its length, and what the receiver holds then. */
function send(
  groups: readonly Group[],
  mine: KeyDictionary,
  base: number,
  theirs: KeyDictionary,
): { readonly read: ReturnType<typeof decodeUpFrame>; readonly length: number } {
  const bytes = encodeUpFrame(frame({ groups }), mine, base);
  const read = decodeUpFrame(bytes, () => theirs);
  if (read.ok && read.value.newKeys !== null) take(read.value, theirs);
  return { read, length: bytes.length };
}

function take({ newKeys }: ReceivedUpFrame, theirs: KeyDictionary): void {
  theirs.truncate(newKeys?.base ?? 0);
  for (const key of newKeys?.added ?? []) theirs.add(key);
}

test("a key travels once, then as a byte", () => {
  const [mine, theirs] = [new KeyDictionary(), new KeyDictionary()];
  const keys = Array.from({ length: 50 }, (_, i) => `mooring-${i + 10}/temperature`);
  const first = send([group(keys)], mine, 0, theirs);
  const second = send([group(keys)], mine, mine.size, theirs);
  assert.ok(first.read.ok && second.read.ok);
  assert.deepEqual(second.read.value.groups, first.read.value.groups);
  assert.deepEqual(second.read.value.newKeys, { base: 50, added: [] });
  assert.ok(second.length <= first.length - 50 * 4, `${first.length}, then ${second.length}`);
});

test("a frame that was lost is followed by one that builds on what was there before it", () => {
  const [mine, theirs] = [new KeyDictionary(), new KeyDictionary()];
  send([group(["a"])], mine, 0, theirs);
  // Written and lost: the receiver never sees it.
  encodeUpFrame(frame({ groups: [group(["b"])] }), mine, 1);
  const { read } = send([group(["a", "c"])], mine, 1, theirs);
  assert.ok(read.ok);
  assert.deepEqual(read.value.groups[0]?.keys, ["a", "c"]);
  assert.deepEqual(read.value.newKeys, { base: 1, added: ["c"] });
});

test("a receiver that holds other keys, or fewer, does not guess", () => {
  for (const theirs of [new KeyDictionary(), dictionaryOf(["b"]), dictionaryOf(["b", "a"])]) {
    const { read } = send([group(["a"])], dictionaryOf(["a"]), 1, theirs);
    assert.equal(read.ok ? null : read.error, "no-dictionary");
  }
});

test("a dictionary that is full begins anew by itself", () => {
  const mine = dictionaryOf(keysOf(DICTIONARY_KEYS_MAX));
  const theirs = dictionaryOf(keysOf(DICTIONARY_KEYS_MAX));
  const { read } = send([group(["new"])], mine, DICTIONARY_KEYS_MAX, theirs);
  assert.ok(read.ok);
  assert.deepEqual(read.value.newKeys, { base: 0, added: ["new"] });
  assert.deepEqual([mine.size, theirs.size], [1, 1]);
});

test("a receiver takes no more keys than a dictionary holds, whoever sends them", () => {
  const held = keysOf(DICTIONARY_KEYS_MAX - 1);
  const careless = new KeyDictionary();
  careless.hasRoom = () => true;
  for (const key of held) careless.add(key);
  const bytes = encodeUpFrame(frame({ groups: [group(["y", "z"])] }), careless, held.length);
  const read = decodeUpFrame(bytes, () => dictionaryOf(held));
  assert.deepEqual(read, { ok: false, error: "broken-frame" });
});

test("keys keep their order in a group, whatever their order in the dictionary", () => {
  const { read } = send([group(["z", "a", "m", "a"])], new KeyDictionary(), 0, new KeyDictionary());
  assert.ok(read.ok);
  assert.deepEqual(read.value.groups[0]?.keys, ["z", "a", "m", "a"]);
  assert.deepEqual(read.value.newKeys?.added, ["a", "m", "z"]);
});

test("a down-frame has a horizon if it tells the whole state, and only then", () => {
  const horizon = { seq: 3, stamp: { wallMs: 5, logical: 6 }, known: 7 };
  const state = { from: 0, to: 4, head: 9, stable: 2, horizon, groups: [group(["a"])] };
  const down = { outcome: "applied", link: 5, at: AT, hubNowMs: 8 } as const;
  const whole = decodeDownFrame(encodeDownFrame({ ...down, state }));
  assert.deepEqual(whole.ok && whole.value.state, state);
  const part = { ...state, from: 3, horizon: null, groups: [] };
  const next = decodeDownFrame(encodeDownFrame({ ...down, state: part }));
  assert.deepEqual(next.ok && next.value.state, part);
});
