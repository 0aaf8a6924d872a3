// Is a request signed by its device? One good signature, and everything that is changed about it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBase64Url } from "../../../doors/base64url.ts";
import { DeviceKeys } from "../../../doors/device-keys.ts";
import { Guard, type Denial } from "../../../doors/guard.ts";
import { contentDigestOf, readSignature, textToSign } from "../../../doors/signed-request.ts";
import { admitReadings } from "../../../edge/routes/admit-readings.ts";

const ROOT = "A".repeat(43);
const keys = DeviceKeys.open(ROOT);
assert.ok(keys !== null);
const TARGET = "/v1/devices/boat-1/readings";
const BODY = '{"stream":"depth_m","value":10.4}';

interface Signed {
  readonly method: string;
  readonly target: string;
  readonly device: string;
  readonly version: number;
  readonly boot: string;
  readonly seq: number;
  readonly body: string;
}
const GOOD: Signed = {
  method: "POST",
  target: TARGET,
  device: "boat-1",
  version: 1,
  boot: "b7f3",
  seq: 118,
  body: BODY,
};

/** Signs as the device, with its key of a version; the field may say something else. */
async function sign(signed: Signed, keyVersion = signed.version): Promise<string> {
  const digest = await contentDigestOf(new TextEncoder().encode(signed.body));
  const text = textToSign(signed.method, signed.target, signed, digest);
  const key = await keys?.macKeyOf(signed.device, keyVersion);
  assert.ok(key !== undefined);
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return encodeBase64Url(new Uint8Array(mac));
}
const fieldOf = ({ device, version, boot, seq }: Signed, mac: string): string =>
  `Skerry-HMAC device="${device}", version=${version}, boot="${boot}", seq=${seq}, mac="${mac}"`;

async function requestOf(sent: Signed, authorization: string): Promise<Request> {
  const digest = await contentDigestOf(new TextEncoder().encode(sent.body));
  return new Request(`http://edge.test${sent.target}`, {
    method: sent.method,
    headers: { authorization, "content-digest": `sha-256=:${digest}:` },
    body: sent.body,
  });
}

const denied: Record<string, Denial> = {};
const guard = new Guard({
  verifier: () => null,
  denialOf: (device) => denied[device] ?? null,
  nowMs: () => 0,
  outage: null,
  graceMs: 0,
});
async function codeOf(request: Request, device = "boat-1", with_ = keys): Promise<string> {
  const admitted = await admitReadings(request, device, guard, with_);
  return admitted.ok ? "let in" : admitted.error.code;
}
const goodMac = await sign(GOOD);

test("a good signature lets its device post this one batch, under the name that it signed", async () => {
  const request = await requestOf(GOOD, fieldOf(GOOD, goodMac));
  const admitted = await admitReadings(request, "boat-1", guard, keys);
  assert.ok(admitted.ok);
  assert.deepEqual(admitted.value.named, { kind: "boot", boot: "b7f3", seq: 118 });
  assert.deepEqual(admitted.value.identity, {
    kind: "device",
    device: "boat-1",
    generation: 1,
    scopes: new Set(["ingest"]),
    prefixes: null,
    rate: null,
  });
  assert.equal(await admitted.value.request.text(), BODY);
});

/** What is sent is not what was signed. */
const ALTERED: readonly (readonly [string, Partial<Signed>])[] = [
  ["body", { body: `${BODY} ` }],
  ["path", { target: `${TARGET}/` }],
  ["query", { target: `${TARGET}?a` }],
  ["seq", { seq: 119 }],
  ["boot", { boot: "b7f4" }],
  ["key version, from the future", { version: 2 }],
  ["method", { method: "PUT" }],
];
for (const [what, change] of ALTERED)
  test(`P8 another ${what} than was signed is refused`, async () => {
    const sent = { ...GOOD, ...change };
    assert.equal(
      await codeOf(await requestOf(sent, fieldOf(sent, goodMac))),
      "signature-wrong-mac",
    );
  });

test("P8 a body that is not that of its digest is refused", async () => {
  const request = await requestOf(GOOD, fieldOf(GOOD, goodMac));
  const other = new Request(request.url, {
    method: "POST",
    headers: request.headers,
    body: "{}",
  });
  assert.equal(await codeOf(other), "signature-wrong-digest");
});

test("P8 another device's key, and another device's path, are refused", async () => {
  const foreign = await sign({ ...GOOD, device: "boat-2" });
  assert.equal(await codeOf(await requestOf(GOOD, fieldOf(GOOD, foreign))), "signature-wrong-mac");
  const own = await requestOf(GOOD, fieldOf(GOOD, goodMac));
  assert.equal(await codeOf(own, "boat-2"), "forbidden");
  const root = DeviceKeys.open("B".repeat(43));
  assert.equal(await codeOf(own.clone(), "boat-1", root), "signature-wrong-mac");
});

test("P8 a key version that is revoked, and a disabled device, are refused", async () => {
  const code = async (version: number): Promise<string> => {
    const sent = { ...GOOD, version };
    return codeOf(await requestOf(sent, fieldOf(sent, await sign(sent))));
  };
  denied["boat-1"] = { revokedGeneration: 2, isDisabled: false };
  assert.deepEqual(
    [await code(1), await code(2), await code(3)],
    ["token-revoked", "token-revoked", "let in"],
  );
  denied["boat-1"] = { revokedGeneration: 0, isDisabled: true };
  assert.equal(await code(1), "device-disabled");
  delete denied["boat-1"];
});

const good = fieldOf(GOOD, goodMac);
const BROKEN: readonly (readonly [string, string])[] = [
  ["a truncated MAC", fieldOf(GOOD, goodMac.slice(0, 22))],
  ["a MAC of a byte less", fieldOf(GOOD, goodMac.slice(0, 42))],
  ["no MAC", fieldOf(GOOD, "")],
  ["nothing but the scheme", "Skerry-HMAC"],
  ["a field twice", `${good}, seq=118`],
  ["an unknown field", `${good}, alg="none"`],
  ["a missing field", good.replace(/seq=118, /, "")],
  ["a seq of 0", good.replace("seq=118", "seq=0")],
  ["a seq that is negative", good.replace("seq=118", "seq=-1")],
  ["a seq past 2^53", good.replace("seq=118", "seq=9007199254740993")],
  ["a version of 0", good.replace("version=1", "version=0")],
  ["a version with a leading zero", good.replace("version=1", "version=01")],
  ["a line feed in the boot", good.replace("b7f3", "b7\\nf3")],
  ["something behind it", `${good} x`],
  ["an oversized header", `${good}, boot="${"b".repeat(600)}"`],
];
for (const [what, field] of BROKEN)
  test(`${what} is no signature`, async () => {
    assert.equal(readSignature(field), null);
    assert.equal(await codeOf(await requestOf(GOOD, field)), "signature-not-a-signature");
  });

test("a signature may be written in any order and spacing", () => {
  const other = `skerry-hmac mac=${goodMac} ,seq=118,boot=b7f3,  version="1",device=boat-1`;
  assert.deepEqual(readSignature(other), readSignature(good));
});

test("without a digest, or a root key, a signature is refused with what to do", async () => {
  const request = await requestOf(GOOD, good);
  request.headers.delete("content-digest");
  assert.equal(await codeOf(request), "signature-no-digest");
  for (const field of ["sha-512=:AAAA:", "sha-256=AAAA", `sha-256=:${"A".repeat(44)}:`, ""]) {
    request.headers.set("content-digest", field);
    assert.equal(await codeOf(request), "signature-no-digest", field);
  }
  assert.equal(await codeOf(await requestOf(GOOD, good), "boat-1", null), "signature-not-offered");
});

test("a root key is 32 bytes or more in base64url", () => {
  for (const text of ["", "A".repeat(42), "!".repeat(43)])
    assert.equal(DeviceKeys.open(text), null);
});
