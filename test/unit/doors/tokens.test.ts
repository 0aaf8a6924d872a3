// Who is let in? Good tokens of both kinds; every reason against the others, and the cache of
// verified tokens, which outlives no token.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";
import {
  DEVICE_TOKEN_TYPE,
  mayAct,
  OPERATOR_TOKEN_TYPE,
  PREFIXES_MAX,
  SCOPES,
  TOKEN_ISSUER,
} from "../../../doors/claims.ts";
import { TokenVerifier, type TokenVerdict } from "../../../doors/tokens.ts";

const NOW_S = 1_800_000_000;
const issuer = await generateKeyPair("EdDSA", { extractable: true });
const stranger = await generateKeyPair("EdDSA", { extractable: true });
const KEYS = { keys: [{ ...(await exportJWK(issuer.publicKey)), kid: "k1", alg: "EdDSA" }] };

interface Changes {
  readonly header?: Record<string, unknown>;
  readonly key?: CryptoKey;
}

const DEVICE = { iss: TOKEN_ISSUER, sub: "boat-1", gen: 3, exp: NOW_S + 60 };
const OPERATOR = { iss: TOKEN_ISSUER, sub: "ann", scope: "read ingest", exp: NOW_S + 60 };

async function sign(type: string, claims: object, changes: Changes = {}): Promise<string> {
  const header = { alg: "EdDSA", kid: "k1", typ: type, ...changes.header };
  const token = await new SignJWT(claims as JWTPayload)
    .setProtectedHeader(header)
    .sign(changes.key ?? issuer.privateKey);
  return `Bearer ${token}`;
}
const ALL_OF_BOAT = {
  kind: "device",
  device: "boat-1",
  scopes: new Set(["ingest", "read"] as const),
  prefixes: null,
  rate: null,
} as const;
const without = (claims: object, name: string): object =>
  Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
const verify = (field: string | null, nowS = NOW_S): Promise<TokenVerdict> =>
  new TokenVerifier(KEYS).verify(field, nowS * 1000);

async function reasonOf(field: string | null, nowS = NOW_S): Promise<string> {
  const verdict = await verify(field, nowS);
  return verdict.ok ? "let in" : verdict.reason;
}

test("verify() lets a device in, with its generation", async () => {
  assert.deepEqual(await verify(await sign(DEVICE_TOKEN_TYPE, DEVICE)), {
    ok: true,
    identity: { ...ALL_OF_BOAT, generation: 3 },
  });
});

test("verify() lets a device in for what its credential is for", async () => {
  const granted = { ...DEVICE, scope: "ingest", prefixes: ["gps_", "depth"], rate: 2.5 };
  const verdict = await verify(await sign(DEVICE_TOKEN_TYPE, granted));
  assert.ok(verdict.ok && verdict.identity.kind === "device");
  const { scopes, prefixes, rate } = verdict.identity;
  assert.deepEqual([[...scopes], prefixes, rate], [["ingest"], ["gps_", "depth"], 2.5]);
});

test("verify() lets an operator in, with the scopes that exist", async () => {
  const claims = { ...OPERATOR, scope: "read ingest root" };
  assert.deepEqual(await verify(await sign(OPERATOR_TOKEN_TYPE, claims)), {
    ok: true,
    identity: { kind: "operator", name: "ann", scopes: new Set(["read", "ingest"]) },
  });
});

test("verify() reads the scheme in any case and with more blanks", async () => {
  const field = await sign(DEVICE_TOKEN_TYPE, DEVICE);
  assert.equal(await reasonOf(field.replace("Bearer ", "bEARER   ")), "let in");
});

const CLAIMS: readonly (readonly [string, string, object, Changes, string])[] = [
  ["another key", DEVICE_TOKEN_TYPE, DEVICE, { key: stranger.privateKey }, "wrong-key"],
  ["an unknown key id", DEVICE_TOKEN_TYPE, DEVICE, { header: { kid: "k9" } }, "wrong-key"],
  ["another issuer", DEVICE_TOKEN_TYPE, { ...DEVICE, iss: "other" }, {}, "wrong-claims"],
  ["no issuer", DEVICE_TOKEN_TYPE, without(DEVICE, "iss"), {}, "wrong-claims"],
  ["no expiry", DEVICE_TOKEN_TYPE, without(DEVICE, "exp"), {}, "wrong-claims"],
  ["no subject", DEVICE_TOKEN_TYPE, without(DEVICE, "sub"), {}, "wrong-claims"],
  ["an empty subject", DEVICE_TOKEN_TYPE, { ...DEVICE, sub: "" }, {}, "wrong-claims"],
  ["a subject that is no text", DEVICE_TOKEN_TYPE, { ...DEVICE, sub: 5 }, {}, "wrong-claims"],
  ["no generation", DEVICE_TOKEN_TYPE, without(DEVICE, "gen"), {}, "wrong-claims"],
  ["a generation as text", DEVICE_TOKEN_TYPE, { ...DEVICE, gen: "3" }, {}, "wrong-claims"],
  ["a start in the future", DEVICE_TOKEN_TYPE, { ...DEVICE, nbf: NOW_S + 1 }, {}, "not-yet-valid"],
  ["a start that has come", DEVICE_TOKEN_TYPE, { ...DEVICE, nbf: NOW_S }, {}, "let in"],
  [
    "a device's scopes as a list",
    DEVICE_TOKEN_TYPE,
    { ...DEVICE, scope: ["read"] },
    {},
    "wrong-claims",
  ],
  ["prefixes as text", DEVICE_TOKEN_TYPE, { ...DEVICE, prefixes: "gps_" }, {}, "wrong-claims"],
  ["a prefix that is none", DEVICE_TOKEN_TYPE, { ...DEVICE, prefixes: [""] }, {}, "wrong-claims"],
  [
    "too many prefixes",
    DEVICE_TOKEN_TYPE,
    { ...DEVICE, prefixes: Array.from({ length: PREFIXES_MAX + 1 }, () => "a") },
    {},
    "wrong-claims",
  ],
  ["a rate of nothing", DEVICE_TOKEN_TYPE, { ...DEVICE, rate: 0 }, {}, "wrong-claims"],
  ["a rate as text", DEVICE_TOKEN_TYPE, { ...DEVICE, rate: "9" }, {}, "wrong-claims"],
  ["an expiry as text", DEVICE_TOKEN_TYPE, { ...DEVICE, exp: "9" }, {}, "wrong-claims"],
  [
    "an operator without scope",
    OPERATOR_TOKEN_TYPE,
    without(OPERATOR, "scope"),
    {},
    "wrong-claims",
  ],
  [
    "scopes that are no text",
    OPERATOR_TOKEN_TYPE,
    { ...OPERATOR, scope: ["admin"] },
    {},
    "wrong-claims",
  ],
  ["another type", "JWT", DEVICE, {}, "wrong-claims"],
  ["a device's claims as an operator's", OPERATOR_TOKEN_TYPE, DEVICE, {}, "wrong-claims"],
  ["no type", DEVICE_TOKEN_TYPE, DEVICE, { header: { typ: undefined } }, "wrong-claims"],
  ["the second of its expiry", DEVICE_TOKEN_TYPE, { ...DEVICE, exp: NOW_S }, {}, "expired"],
  ["the second before", DEVICE_TOKEN_TYPE, { ...DEVICE, exp: NOW_S + 1 }, {}, "let in"],
];

for (const [what, type, claims, changes, reason] of CLAIMS)
  test(`verify() of ${what}: ${reason}`, async () =>
    assert.equal(await reasonOf(await sign(type, claims, changes)), reason));

test("verify() does not take alg none, nor an HMAC with the public key for a secret", async () => {
  const none = new UnsecuredJWT(DEVICE).encode();
  assert.equal(await reasonOf(`Bearer ${none}`), "not-a-token");
  const secret = new TextEncoder().encode(KEYS.keys[0]?.x);
  const header = { alg: "HS256", kid: "k1", typ: DEVICE_TOKEN_TYPE };
  const hmac = await new SignJWT(DEVICE).setProtectedHeader(header).sign(secret);
  assert.equal(await reasonOf(`Bearer ${hmac}`), "not-a-token");
});

const good = await sign(DEVICE_TOKEN_TYPE, DEVICE);
const GARBAGE: readonly (readonly [string, string | null, string])[] = [
  ["no field", null, "no-token"],
  ["an empty field", "", "not-a-token"],
  ["no token", "Bearer ", "not-a-token"],
  ["another scheme", "Basic YTpi", "not-a-token"],
  ["a word", "Bearer abc", "not-a-token"],
  ["points", "Bearer ...", "not-a-token"],
  ["two tokens", `${good}, ${good}`, "not-a-token"],
  ["a token without its signature", good.slice(0, good.lastIndexOf(".") + 1), "wrong-key"],
  ["a token that is too long", `Bearer ${"a".repeat(4_097)}`, "not-a-token"],
  ["a control character", `${good}\0`, "not-a-token"],
];

for (const [what, field, reason] of GARBAGE)
  test(`verify() of ${what}: ${reason}`, async () => assert.equal(await reasonOf(field), reason));

test("verify() remembers a token, but not beyond its expiry", async () => {
  const verifier = new TokenVerifier(KEYS);
  const at = async (ms: number): Promise<string> => {
    const verdict = await verifier.verify(good, ms);
    return verdict.ok ? "let in" : verdict.reason;
  };
  const expiryMs = DEVICE.exp * 1000;
  assert.equal(await at(NOW_S * 1000), "let in");
  assert.equal(await at(expiryMs - 1), "let in");
  assert.equal(await at(expiryMs), "expired");
  assert.equal(await at(expiryMs + 1), "expired");
  assert.equal(await at(NOW_S * 1000), "let in", "a clock that was set right");
});

test("P8 verify() remembers a bounded number of good tokens, and no bad one", async () => {
  const verifier = new TokenVerifier(KEYS, 2);
  const tokens = await Promise.all(
    [1, 2, 3].map((gen) => sign(DEVICE_TOKEN_TYPE, { ...DEVICE, gen })),
  );
  for (const token of [...tokens, ...tokens]) {
    assert.equal((await verifier.verify(token, NOW_S * 1000)).ok, true);
    assert.ok(verifier.remembered <= 2);
  }
  for (const [, field] of GARBAGE) await verifier.verify(field, NOW_S * 1000);
  const foreign = await sign(DEVICE_TOKEN_TYPE, DEVICE, { key: stranger.privateKey });
  assert.equal((await verifier.verify(foreign, NOW_S * 1000)).ok, false);
  assert.equal(verifier.remembered, 2);
});

test("an expired verdict says who it was, and when, for whoever may honour it", async () => {
  const verdict = await verify(await sign(DEVICE_TOKEN_TYPE, { ...DEVICE, exp: NOW_S - 5 }));
  assert.deepEqual(verdict, {
    ok: false,
    reason: "expired",
    identity: { ...ALL_OF_BOAT, generation: 3 },
    expiresMs: (NOW_S - 5) * 1000,
  });
});

test("verify() does not take a token with another signature for one that it remembers", async () => {
  const verifier = new TokenVerifier(KEYS);
  assert.equal((await verifier.verify(good, NOW_S * 1000)).ok, true);
  const forged = await sign(DEVICE_TOKEN_TYPE, DEVICE, { key: stranger.privateKey });
  assert.equal((await verifier.verify(forged, NOW_S * 1000)).ok, false);
});

test("mayAct() goes by scope, admin may all, and a device nothing", () => {
  const operator = (...scopes: ("read" | "admin")[]) =>
    ({ kind: "operator", name: "ann", scopes: new Set(scopes) }) as const;
  assert.deepEqual(
    SCOPES.filter((scope) => mayAct(operator("read"), scope)),
    ["read"],
  );
  assert.deepEqual(
    SCOPES.filter((scope) => mayAct(operator("admin"), scope)),
    [...SCOPES],
  );
  const device = { ...ALL_OF_BOAT, device: "read", generation: 1 };
  assert.equal(
    SCOPES.some((scope) => mayAct(device, scope)),
    false,
  );
});
