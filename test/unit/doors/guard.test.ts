// Who may come through a door? Each caller at each kind of door, and what the others are told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Guard, openVerifier, type Admission, type Denial } from "../../../doors/guard.ts";
import { DEVICE_TOKEN_TYPE, OPERATOR_TOKEN_TYPE, TOKEN_ISSUER } from "../../../doors/tokens.ts";

const issuer = await generateKeyPair("EdDSA", { extractable: true });
const keys = { keys: [{ ...(await exportJWK(issuer.publicKey)), kid: "k1", alg: "EdDSA" }] };
const guard = new Guard(JSON.stringify(keys));

async function tokenOf(typ: string, subject: string, claims: object): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "EdDSA", kid: "k1", typ })
    .setIssuer(TOKEN_ISSUER)
    .setSubject(subject)
    .setExpirationTime("1h")
    .sign(issuer.privateKey);
}

const TOKENS: Record<string, string | null> = {
  nobody: null,
  "the device": await tokenOf(DEVICE_TOKEN_TYPE, "boat-1", { gen: 2 }),
  "another device": await tokenOf(DEVICE_TOKEN_TYPE, "boat-2", { gen: 1 }),
  "an operator of the device's name": await tokenOf(OPERATOR_TOKEN_TYPE, "boat-1", { scope: "" }),
  "an operator that ingests": await tokenOf(OPERATOR_TOKEN_TYPE, "ann", { scope: "ingest" }),
  "an operator that reads": await tokenOf(OPERATOR_TOKEN_TYPE, "bob", { scope: "read" }),
  "an admin": await tokenOf(OPERATOR_TOKEN_TYPE, "eve", { scope: "admin" }),
};

function requestOf(caller: string): Request {
  const token = TOKENS[caller];
  const headers = new Headers();
  if (token != null) headers.set("authorization", `Bearer ${token}`);
  return new Request("http://edge.test/", { headers });
}
const statusOf = (admission: Admission): number => (admission.ok ? 200 : admission.problem.status);

const CASES: readonly (readonly [string, device: number, scope: number])[] = [
  ["nobody", 401, 401],
  ["the device", 200, 403],
  ["another device", 403, 403],
  ["an operator of the device's name", 403, 403],
  ["an operator that ingests", 200, 200],
  ["an operator that reads", 403, 403],
  ["an admin", 200, 200],
];

for (const [caller, device, scope] of CASES) {
  test(`requireDevice() for ${caller}: ${device}`, async () =>
    assert.equal(
      statusOf(await guard.requireDevice(requestOf(caller), "boat-1", "ingest")),
      device,
    ));
  test(`requireScope() for ${caller}: ${scope}`, async () =>
    assert.equal(statusOf(await guard.requireScope(requestOf(caller), "ingest")), scope));
}

test("a guard without keys lets nobody in, and names the secret that is missing", async () => {
  for (const caller of Object.keys(TOKENS)) {
    const admission = await new Guard(null).requireScope(requestOf(caller), "read");
    assert.ok(!admission.ok);
    assert.equal(admission.problem.status, 503);
    assert.match(admission.problem.detail, /ISSUER_KEYS/);
  }
});

test("P9 a guard's 401 says how to authenticate, with an error only if there was a token", async () => {
  const field = async (headers: HeadersInit): Promise<string | undefined> => {
    const admission = await guard.identify(new Request("http://edge.test/", { headers }));
    return admission.ok ? undefined : admission.problem.headers?.["www-authenticate"];
  };
  assert.equal(await field({}), 'Bearer realm="skerry"');
  assert.equal(
    await field({ authorization: "Bearer x" }),
    'Bearer realm="skerry", error="invalid_token"',
  );
});

const denials: Record<string, Denial> = {
  nothing: { revokedGeneration: 0, isDisabled: false },
  "its generation": { revokedGeneration: 2, isDisabled: false },
  "an older generation": { revokedGeneration: 1, isDisabled: false },
  "that it is disabled": { revokedGeneration: 0, isDisabled: true },
  both: { revokedGeneration: 7, isDisabled: true },
};
const DENIED: readonly (readonly [string, number, string | null])[] = [
  ["nothing", 200, null],
  ["its generation", 401, "token-revoked"],
  ["an older generation", 200, null],
  ["that it is disabled", 403, "device-disabled"],
  ["both", 401, "token-revoked"],
];
for (const [said, status, code] of DENIED) {
  test(`requireDevice() when the registry says ${said}: ${status}`, async () => {
    const denialOf = async (device: string) =>
      device === "boat-1" ? (denials[said] ?? null) : null;
    const knowing = guard.with({ verifier: null, denialOf });
    const admission = await knowing.requireDevice(requestOf("the device"), "boat-1", "ingest");
    assert.equal(statusOf(admission), status);
    assert.equal(admission.ok ? null : admission.problem.code, code);
    const operator = await knowing.requireDevice(requestOf("an admin"), "boat-1", "ingest");
    assert.equal(statusOf(operator), 200);
  });
}

test("a key that was published lets its tokens in until it is withdrawn, remembered ones too", async () => {
  const next = await generateKeyPair("EdDSA", { extractable: true });
  const published = { keys: [{ ...(await exportJWK(next.publicKey)), kid: "k2", alg: "EdDSA" }] };
  const token = await new SignJWT({ gen: 1 })
    .setProtectedHeader({ alg: "EdDSA", kid: "k2", typ: DEVICE_TOKEN_TYPE })
    .setIssuer(TOKEN_ISSUER)
    .setSubject("boat-1")
    .setExpirationTime("1h")
    .sign(next.privateKey);
  const request = new Request("http://edge.test/", {
    headers: { authorization: `Bearer ${token}` },
  });
  const status = async (verifier: ReturnType<typeof openVerifier>, from = guard) =>
    statusOf(
      await from
        .with({ verifier, denialOf: () => null })
        .requireDevice(request, "boat-1", "ingest"),
    );
  const verifier = openVerifier(JSON.stringify(published));
  assert.equal(await status(null), 401);
  assert.equal(await status(verifier), 200);
  assert.equal(await status(verifier), 200);
  assert.equal(await status(verifier, new Guard(null)), 200);
  assert.equal(await status(openVerifier(JSON.stringify({ keys: [] }))), 401);
  assert.equal(await status(null), 401);
  for (const text of ["", "null", "{}", '{"keys":7}']) assert.equal(openVerifier(text), null, text);
});
