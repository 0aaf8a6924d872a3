// Who is asking? A token is a JWT signed with Ed25519 (RFC 8037, alg EdDSA), so that any edge can
// verify it with the issuers' public keys alone, the origin reachable or not.
//
// Two kinds, told apart by `typ` (RFC 8725 §3.11): a device's credential and an operator's token.

import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from "jose";

/** What an operator may do. `admin` implies all others. */
export type Scope = "read" | "ingest" | "purge" | "publish" | "admin";

export const SCOPES: readonly Scope[] = ["read", "ingest", "purge", "publish", "admin"];
export const DEVICE_TOKEN_TYPE = "skerry-device+jwt";
export const OPERATOR_TOKEN_TYPE = "skerry-operator+jwt";
export const TOKEN_ISSUER = "skerry";

/** A device's credential; `generation` rises when its older tokens are to be refused. */
export interface DeviceIdentity {
  readonly kind: "device";
  readonly device: string;
  readonly generation: number;
}

export interface OperatorIdentity {
  readonly kind: "operator";
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

export type Identity = DeviceIdentity | OperatorIdentity;

export type TokenRefusal = {
  readonly reason: "no-token" | "not-a-token" | "wrong-key" | "expired" | "wrong-claims";
};

export type TokenVerdict =
  | { readonly ok: true; readonly identity: Identity }
  | ({ readonly ok: false } & TokenRefusal);

/** Verified tokens that an isolate remembers; an Ed25519 check costs about 80 microseconds. */
const VERIFIED_TOKENS_MAX = 10_000;
/** A longer Authorization field is not one of our tokens (ours have about 350 characters). */
const TOKEN_CHARS_MAX = 4_096;

/** Verifies bearer tokens against one set of public keys and remembers what it has verified. */
export class TokenVerifier {
  readonly #keys: ReturnType<typeof createLocalJWKSet>;
  readonly #verified = new Map<string, { identity: Identity; expiresMs: number }>();

  constructor(issuerKeys: JSONWebKeySet) {
    this.#keys = createLocalJWKSet(issuerKeys);
  }

  /**
   * Verifies the token of an Authorization field value. Never throws for what the field holds. The
   * scheme is Bearer, or Token, as clients of line protocol call it.
   */
  async verify(authorization: string | null, nowMs: number): Promise<TokenVerdict> {
    const token = /^(?:Bearer|Token) +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined)
      return { ok: false, reason: authorization === null ? "no-token" : "not-a-token" };
    if (token.length > TOKEN_CHARS_MAX) return { ok: false, reason: "not-a-token" };
    const known = this.#verified.get(token);
    if (known !== undefined) {
      if (nowMs < known.expiresMs) return { ok: true, identity: known.identity };
      this.#verified.delete(token);
      return { ok: false, reason: "expired" };
    }
    return this.#verifyAnew(token, nowMs);
  }

  async #verifyAnew(token: string, nowMs: number): Promise<TokenVerdict> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys, {
        algorithms: ["EdDSA", "Ed25519"],
        issuer: TOKEN_ISSUER,
        requiredClaims: ["sub", "exp"],
        currentDate: new Date(nowMs),
      });
      const identity = identityOf(protectedHeader.typ, payload);
      if (identity === null) return { ok: false, reason: "wrong-claims" };
      this.#remember(token, identity, (payload.exp ?? 0) * 1000);
      return { ok: true, identity };
    } catch (error) {
      return { ok: false, reason: reasonOf(error) };
    }
  }

  #remember(token: string, identity: Identity, expiresMs: number): void {
    if (this.#verified.size >= VERIFIED_TOKENS_MAX) {
      const oldest = this.#verified.keys().next();
      if (oldest.done !== true) this.#verified.delete(oldest.value);
    }
    this.#verified.set(token, { identity, expiresMs });
  }
}

/** Tells whether an operator's scopes allow what `scope` names. */
export function mayAct(identity: Identity, scope: Scope): boolean {
  return (
    identity.kind === "operator" && (identity.scopes.has(scope) || identity.scopes.has("admin"))
  );
}

function identityOf(type: string | undefined, payload: JWTPayload): Identity | null {
  // The library checks that there is a subject, not that it is a text.
  const subject: unknown = payload.sub;
  if (typeof subject !== "string" || subject === "") return null;
  if (type === DEVICE_TOKEN_TYPE) {
    const generation = payload["gen"];
    if (typeof generation !== "number" || !Number.isSafeInteger(generation)) return null;
    return { kind: "device", device: subject, generation };
  }
  if (type === OPERATOR_TOKEN_TYPE) {
    const scope = payload["scope"];
    if (typeof scope !== "string") return null;
    const named = scope.split(" ");
    return {
      kind: "operator",
      name: subject,
      scopes: new Set(SCOPES.filter((known) => named.includes(known))),
    };
  }
  return null;
}

function reasonOf(error: unknown): TokenRefusal["reason"] {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "wrong-key";
  if (error instanceof errors.JWKSNoMatchingKey) return "wrong-key";
  if (error instanceof errors.JWTClaimValidationFailed) return "wrong-claims";
  return "not-a-token";
}
