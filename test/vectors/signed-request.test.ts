// Do device keys and signatures come out as others make them? Vectors made with OpenSSL and Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { encodeBase64Url } from "../../doors/base64url.ts";
import { DeviceKeys } from "../../doors/device-keys.ts";
import {
  contentDigestOf,
  isSignedWith,
  readContentDigest,
  readSignature,
  textToSign,
} from "../../doors/signed-request.ts";

interface Vectors {
  readonly rootKey: string;
  readonly keys: readonly { device: string; version: number; key: string }[];
  readonly requests: readonly {
    name: string;
    method: string;
    target: string;
    device: string;
    version: number;
    boot: string;
    seq: number;
    body: string;
    contentDigest: string;
    text: string;
    authorization: string;
  }[];
}

const file = path.join(import.meta.dirname, "signed-request/vectors.json");
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const keys = DeviceKeys.open(vectors.rootKey);
assert.ok(keys !== null);

for (const { device, version, key } of vectors.keys)
  test(`the key of ${device}, version ${version}`, async () =>
    assert.equal(encodeBase64Url(await keys.bytesOf(device, version)), key));

for (const vector of vectors.requests)
  test(`a signed request: ${vector.name}`, async () => {
    const { method, target, device, version, boot, seq, authorization } = vector;
    const body = new TextEncoder().encode(vector.body);
    const digest = readContentDigest(vector.contentDigest);
    assert.equal(await contentDigestOf(body), digest);
    const signature = readSignature(authorization);
    assert.ok(signature !== null);
    const { mac: _, ...named } = signature;
    assert.deepEqual(named, { device, version, boot, seq });
    assert.equal(textToSign(method, target, signature, digest ?? ""), vector.text);
    const request = new Request(`http://edge.test${target}`, { method });
    const key = await keys.macKeyOf(device, version);
    assert.equal(await isSignedWith(key, request, signature, digest ?? ""), true);
  });
