// /v1/keys: the public keys that tokens are checked with. Adding the next one and retiring the old one
// reaches every region over its link.

import { Hono } from "hono";
import * as z from "zod/mini";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import { ISSUER_KEYS_MAX, readIssuers, RETIRED_MAX, type Issuers } from "../../state/issuers.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { KeyChange, KeyDecision } from "../fleet/issuing.ts";
import { limits } from "../limits.ts";
import { readObject } from "../platform/read-json.ts";
import { openRegistry } from "../platform/registry.ts";

const KID = /^[A-Za-z0-9._-]{1,64}$/;
const kidError =
  "kid is the key's id: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen";
const xError = "x is the public key: 32 bytes in base64url";
/** A public key of RFC 8037. Whoever sends a private one has made it known: it is refused. */
export const keySchema = z.strictObject(
  {
    kty: z.literal("OKP", { error: 'kty is "OKP"' }),
    crv: z.literal("Ed25519", { error: 'crv is "Ed25519"' }),
    kid: z.string({ error: kidError }).check(z.regex(KID, { error: kidError })),
    x: z.string({ error: xError }).check(z.regex(/^[A-Za-z0-9_-]{43}$/, { error: xError })),
    alg: z.optional(z.enum(["EdDSA", "Ed25519"], { error: 'alg is "EdDSA"' })),
    use: z.optional(z.literal("sig", { error: 'use is "sig"' })),
  },
  {
    error:
      "the body is a public Ed25519 key as a JWK { kty, crv, kid, x } without d: a private key never leaves its place",
  },
);

/** Makes the routes, to be mounted at /v1/keys. */
export function keyRoutes(parts: ApiParts): Hono<ApiEnv> {
  const { guard, env, config } = parts;
  const signing = kidOf(config.issuerPrivateKey);
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const held = readIssuers((await openRegistry(env).issuers()) ?? "");
    return jsonResponse(formatIssuers(held ?? { keys: [], added: [], retired: [] }, signing));
  });
  app.post("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const body = await readObject(c.req.raw, limits.adminBodyBytesMax, keySchema);
    if (!body.ok) return problemResponse(body.error);
    return answer(parts, { kind: "add", key: body.value }, signing);
  });
  app.all("/", onlyMethods("GET", "POST"));
  app.delete("/:kid", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const kid = c.req.param("kid");
    if (kid === signing) return problemResponse(IN_USE);
    return answer(parts, { kind: "retire", kid }, signing);
  });
  app.all("/:kid", onlyMethods("DELETE"));
  return app;
}

async function answer(
  { env }: ApiParts,
  change: KeyChange,
  signing: string | null,
): Promise<Response> {
  // The call's type loses the members of a key that it does not know; they arrive all the same.
  const decision = (await openRegistry(env).changeKeys(change)) as unknown as KeyDecision;
  if (decision.kind === "refused") return problemResponse(REFUSALS[decision.reason]);
  const status = change.kind === "add" && decision.kind === "changed" ? 201 : 200;
  return jsonResponse(formatIssuers(decision.issuers, signing), status);
}

function formatIssuers({ keys, retired }: Issuers, signing: string | null): object {
  return { signing, keys, retired };
}

/** Finds the id of the key that credentials are signed with. */
function kidOf(privateKey: string | null): string | null {
  const kid: unknown =
    privateKey === null ? null : (JSON.parse(privateKey) as { kid?: unknown }).kid;
  return typeof kid === "string" ? kid : null;
}

const IN_USE: Problem = {
  code: "key-in-use",
  status: 409,
  title: "Key in use",
  detail:
    "This origin signs credentials with that key: give it the next one first (ISSUER_PRIVATE_KEY), then retire this",
};

function refusal(code: string, status: number, detail: string): Problem {
  return { code, status, title: "Keys not changed", detail };
}

const REFUSALS: Record<Extract<KeyDecision, { kind: "refused" }>["reason"], Problem> = {
  retired: refusal("key-retired", 409, "A key of that id was retired: draw another one"),
  taken: refusal("key-taken", 409, "Another key has that id: draw another one"),
  unknown: refusal("key-unknown", 404, "No key in force has that id: GET /v1/keys lists them"),
  last: refusal("key-last", 409, "That is the only key: add the next one first"),
  full: refusal(
    "keys-full",
    409,
    `There are at most ${ISSUER_KEYS_MAX} keys in force and ${RETIRED_MAX} retired: retire one, or deploy without those that were retired`,
  ),
};
