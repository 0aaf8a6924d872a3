// Do the launcher's tokens get in, and only where they should?

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import type { JSONWebKeySet } from "jose";
import { TokenVerifier } from "../../../../doors/tokens.ts";
import {
  drawKeys,
  formatVars,
  keepKeys,
  mintDeviceToken,
  mintOperatorToken,
  parseScopes,
  readKeys,
} from "../../../../tools/launcher/keys.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-keys-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const keys = await drawKeys();
const verifier = new TokenVerifier(JSON.parse(keys.issuerKeys) as JSONWebKeySet);

test("a device's token says which device and which generation", async () => {
  const token = await mintDeviceToken(keys, "boat-1");
  const verdict = await verifier.verify(`Bearer ${token}`, Date.now());
  assert.deepEqual(verdict, {
    ok: true,
    identity: {
      kind: "device",
      device: "boat-1",
      generation: 1,
      scopes: new Set(["ingest", "read"]),
      prefixes: null,
      rate: null,
    },
  });
});

test("an operator's token says who and what for", async () => {
  const token = await mintOperatorToken(keys, "me", parseScopes("publish read"));
  const verdict = await verifier.verify(`Bearer ${token}`, Date.now());
  const scopes = new Set(["read", "publish"]);
  assert.deepEqual(verdict, { ok: true, identity: { kind: "operator", name: "me", scopes } });
});

test("a token stops working when its days are over", async () => {
  const token = await mintDeviceToken(keys, "boat-1", 1);
  const verdict = await verifier.verify(`Bearer ${token}`, Date.now() + 86_401_000);
  assert.equal(verdict.ok ? "let in" : verdict.reason, "expired");
});

test("other keys' tokens are refused", async () => {
  const token = await mintDeviceToken(await drawKeys(), "boat-1");
  const verdict = await verifier.verify(`Bearer ${token}`, Date.now());
  assert.deepEqual(verdict, { ok: false, reason: "wrong-key" });
});

test("mintDeviceToken() refuses what is not a device's name", async () => {
  await assert.rejects(mintDeviceToken(keys, "boat 1"), /not a device name/);
});

test("parseScopes() names the scope that there is not", () => {
  assert.throws(() => parseScopes("read fly"), /"fly" is not a scope: use read/);
  assert.throws(() => parseScopes(" "), /is not a scope/);
});

test("keepKeys() keeps the keys, for their owner only", async () => {
  const file = path.join(dir, "keys.json");
  const drawn = await keepKeys(file);
  assert.deepEqual(await keepKeys(file), drawn);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("readKeys() reads back what formatVars() writes, and the edge gets no private key", () => {
  const origin = path.join(dir, "origin.vars");
  const edge = path.join(dir, "edge.vars");
  writeFileSync(origin, formatVars(keys, "origin"));
  writeFileSync(edge, formatVars(keys, "edge"));
  assert.deepEqual(readKeys(origin), keys);
  assert.deepEqual(readKeys(edge), { ...keys, issuerPrivateKey: "" });
});

test("readKeys() says what to do without a key file", () => {
  assert.throws(() => readKeys(path.join(dir, "none")), /npm run keys/);
});

test("a token cannot be made without the private key", async () => {
  await assert.rejects(
    mintDeviceToken({ ...keys, issuerPrivateKey: "" }, "boat-1"),
    /ISSUER_PRIVATE_KEY/,
  );
});

const other = await drawKeys();
const damages: readonly (readonly [string, string | object, RegExp])[] = [
  ["garbage", "garbage", /is not a JSON object/],
  ["empty", "", /is not a JSON object/],
  ["a list", "[1]", /is not a JSON object/],
  ["no field", "{}", /issuerKeys is missing/],
  ["public keys that are none", { ...keys, issuerKeys: "{}" }, /issuerKeys is not a set/],
  ["a link key that is too short", { ...keys, linkKey: "abc" }, /linkKey is not 32 bytes/],
  ["no private key", { ...keys, issuerPrivateKey: "" }, /issuerPrivateKey is missing/],
  ["a broken private key", { ...keys, issuerPrivateKey: "{" }, /not an Ed25519 private key/],
  [
    "another's private key",
    { ...keys, issuerPrivateKey: other.issuerPrivateKey },
    /issuerPrivateKey belongs to none/,
  ],
];
for (const [name, content, complaint] of damages) {
  test(`readKeys() names the file, the field and the fix: ${name}`, () => {
    const file = path.join(dir, "damaged.json");
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    assert.throws(() => readKeys(file), complaint);
    assert.throws(() => readKeys(file), /damaged\.json cannot be used: .*remove it, or .*--reset/);
  });
}
