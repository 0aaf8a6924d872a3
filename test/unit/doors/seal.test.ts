// Does a seal say who sealed what, and for what use? Any change of frame, seal, key or context shows.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  contentContext,
  downContext,
  importLinkKey,
  macText,
  sameText,
  seal,
  SEAL_BYTES,
  unseal,
  upContext,
} from "../../../doors/seal.ts";

const SECRET = Buffer.alloc(32, 7).toString("base64url");
const FRAME = Uint8Array.of(1, 2, 3, 4, 5);

async function keyOf(secret = SECRET): Promise<CryptoKey> {
  const key = await importLinkKey(secret);
  assert.ok(key !== null);
  return key;
}

test("unseal() gives back what seal() took", async () => {
  const key = await keyOf();
  for (const frame of [FRAME, new Uint8Array(0), new Uint8Array(100_000).fill(9)]) {
    const sealed = await seal(key, "context", frame);
    assert.equal(sealed.length, frame.length + SEAL_BYTES);
    assert.deepEqual(await unseal(key, "context", sealed), frame);
  }
});

test("seal() is the first 16 bytes of HMAC-SHA-256 over context, line feed and frame", async () => {
  const sealed = await seal(await keyOf(), "context", FRAME);
  const mac = createHmac("sha256", Buffer.alloc(32, 7)).update("context\n").update(FRAME).digest();
  assert.deepEqual(Buffer.from(sealed.subarray(FRAME.length)), mac.subarray(0, 16));
});

test("unseal() finds every flipped bit, of the frame and of the seal", async () => {
  const key = await keyOf();
  const sealed = await seal(key, "context", FRAME);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const flipped = sealed.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(await unseal(key, "context", flipped), null, `bit ${bit}`);
  }
});

test("unseal() refuses sealed bytes that are cut anywhere, or longer", async () => {
  const key = await keyOf();
  const sealed = await seal(key, "context", FRAME);
  for (let length = 0; length < sealed.length; length += 1)
    assert.equal(await unseal(key, "context", sealed.subarray(0, length)), null);
  assert.equal(await unseal(key, "context", Uint8Array.of(...sealed, 0)), null);
});

test("unseal() refuses another key's seal", async () => {
  const sealed = await seal(await keyOf(), "context", FRAME);
  const other = await keyOf(Buffer.alloc(32, 8).toString("base64url"));
  assert.equal(await unseal(other, "context", sealed), null);
});

test("unseal() refuses a frame that was sealed for another use", async () => {
  const key = await keyOf();
  const up = await seal(key, upContext("00-ff"), FRAME);
  const other = await seal(key, upContext("00-ff"), Uint8Array.of(9));
  const contexts = [
    upContext("00-ff"),
    upContext("00-7f"),
    downContext("00-ff", up),
    downContext("00-7f", up),
    downContext("00-ff", other),
    contentContext("/v1/x"),
  ];
  assert.equal(new Set(contexts).size, contexts.length);
  for (const sealedFor of contexts) {
    const sealed = await seal(key, sealedFor, FRAME);
    for (const context of contexts)
      assert.equal((await unseal(key, context, sealed)) !== null, context === sealedFor);
  }
});

const SECRETS: readonly (readonly [string, string, boolean])[] = [
  ["32 bytes", SECRET, true],
  ["64 bytes", Buffer.alloc(64, 255).toString("base64url"), true],
  ["31 bytes", Buffer.alloc(31).toString("base64url"), false],
  ["nothing", "", false],
  ["text that is no base64", "!".repeat(50), false],
  ["a length that no base64 has", "A".repeat(45), false],
];

for (const [what, secret, isKey] of SECRETS)
  test(`importLinkKey() ${isKey ? "takes" : "refuses"} ${what}`, async () =>
    assert.equal((await importLinkKey(secret)) !== null, isKey));

test("macText() is hexadecimal, and of its context alone", async () => {
  const key = await keyOf();
  const text = await macText(key, contentContext("/a"));
  assert.match(text, /^[0-9a-f]{32}$/);
  assert.equal(await macText(key, contentContext("/a")), text);
  assert.notEqual(await macText(key, contentContext("/b")), text);
});

for (const [left, right, isSame] of [
  ["", "", true],
  ["abc", "abc", true],
  ["abc", "abd", false],
  ["abc", "ab", false],
  ["ä", "a", false],
] as const)
  test(`sameText("${left}", "${right}") is ${isSame}`, () =>
    assert.equal(sameText(left, right), isSame));
