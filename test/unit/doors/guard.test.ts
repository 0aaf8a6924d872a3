// Who may come through a door? Each caller at each kind of door, and what the others are told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { DEVICE_TOKEN_TYPE, OPERATOR_TOKEN_TYPE, TOKEN_ISSUER } from "../../../doors/claims.ts";
import {
  Guard,
  openVerifier,
  type Admission,
  type Denial,
  type Registered,
} from "../../../doors/guard.ts";

const issuer = await generateKeyPair("EdDSA", { extractable: true });
const keys = { keys: [{ ...(await exportJWK(issuer.publicKey)), kid: "k1", alg: "EdDSA" }] };
const verifier = openVerifier(JSON.stringify(keys));
const NOW_MS = 1_790_000_000_000;
const guardWith = (registered: Partial<Registered> = {}): Guard =>
  new Guard({
    verifier: () => verifier,
    denialOf: () => null,
    nowMs: () => NOW_MS,
    outage: null,
    graceMs: 0,
    ...registered,
  });
const guard = guardWith();

async function tokenOf(
  typ: string,
  subject: string,
  claims: object,
  expiresS = NOW_MS / 1000 + 3_600,
): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "EdDSA", kid: "k1", typ })
    .setIssuer(TOKEN_ISSUER)
    .setSubject(subject)
    .setExpirationTime(expiresS)
    .sign(issuer.privateKey);
}
const asking = (token: string): Request =>
  new Request("http://edge.test/", { headers: { authorization: `Bearer ${token}` } });

const TOKENS: Record<string, string | null> = {
  nobody: null,
  "the device": await tokenOf(DEVICE_TOKEN_TYPE, "boat-1", { gen: 2 }),
  "the device, to read": await tokenOf(DEVICE_TOKEN_TYPE, "boat-1", { gen: 2, scope: "read" }),
  "the device, to post": await tokenOf(DEVICE_TOKEN_TYPE, "boat-1", { gen: 2, scope: "ingest" }),
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
  ["the device, to read", 403, 403],
  ["the device, to post", 200, 403],
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
    const admission = await guardWith({ verifier: () => null }).requireScope(
      requestOf(caller),
      "read",
    );
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
    const knowing = guardWith({ denialOf });
    const admission = await knowing.requireDevice(requestOf("the device"), "boat-1", "ingest");
    assert.equal(statusOf(admission), status);
    assert.equal(admission.ok ? null : admission.problem.code, code);
    const operator = await knowing.requireDevice(requestOf("an admin"), "boat-1", "ingest");
    assert.equal(statusOf(operator), 200);
  });
}

test("P8 while it is not known whether a device is denied, it is told to come again", async () => {
  const unsure = guardWith({ denialOf: async () => "unknown" as const });
  const admission = await unsure.requireDevice(requestOf("the device"), "boat-1", "ingest");
  assert.ok(!admission.ok);
  assert.deepEqual([admission.problem.status, admission.problem.code], [503, "denial-unknown"]);
  assert.equal(admission.problem.headers?.["retry-after"], "1");
  const operator = await unsure.requireDevice(requestOf("an admin"), "boat-1", "ingest");
  assert.equal(statusOf(operator), 200);
});

test("openVerifier() of what is no JWK set is null", () => {
  for (const text of ["", "null", "{}", '{"keys":7}']) assert.equal(openVerifier(text), null, text);
});

test("a signature is no token, and the door that takes it is named", async () => {
  const headers = { authorization: 'Skerry-HMAC device="boat-1"' };
  const admission = await guard.identify(new Request("http://edge.test/", { headers }));
  assert.ok(!admission.ok);
  assert.equal(admission.problem.code, "signature-not-here");
  assert.match(admission.problem.detail, /readings/);
  assert.equal(admission.problem.headers?.["www-authenticate"], 'Skerry-HMAC realm="skerry"');
});

const DAY_MS = 86_400_000;
/** A credential that expired an hour ago. */
const EXPIRED_MS = NOW_MS - 3_600_000;
const expired = await tokenOf(DEVICE_TOKEN_TYPE, "boat-1", { gen: 2 }, EXPIRED_MS / 1000);
const expiredOperator = await tokenOf(
  OPERATOR_TOKEN_TYPE,
  "eve",
  { scope: "admin" },
  EXPIRED_MS / 1000,
);
const outage = { heardMs: EXPIRED_MS - 1 };
const GRACE: readonly (readonly [string, string, Partial<Registered>, number])[] = [
  ["the origin is here", expired, {}, 401],
  ["it expired in the outage", expired, { outage }, 200],
  ["the registry revoked it", expired, { outage, denialOf: () => denials["both"] ?? null }, 401],
  ["it had expired before", expired, { outage: { heardMs: EXPIRED_MS } }, 401],
  ["the grace is over", expired, { outage, graceMs: 3_600_000 }, 401],
  ["the grace is almost over", expired, { outage, graceMs: 3_600_001 }, 200],
  ["there is no grace", expired, { outage, graceMs: 0 }, 401],
  ["it is an operator's", expiredOperator, { outage }, 401],
];
for (const [what, token, registered, status] of GRACE)
  test(`P6 an expired credential when ${what}: ${status}`, async () => {
    const noted: number[] = [];
    const gracious = guardWith({ graceMs: DAY_MS, ...registered }).noting((ms) => noted.push(ms));
    const admission = await gracious.requireDevice(asking(token), "boat-1", "ingest");
    assert.equal(statusOf(admission), status);
    if (!admission.ok) return;
    assert.equal(admission.graceUntilMs, EXPIRED_MS + (registered.graceMs ?? DAY_MS));
    assert.deepEqual(noted, [admission.graceUntilMs]);
  });
