// Who is asking? A token is a JWT signed with Ed25519 (RFC 8037, alg EdDSA), so that any edge can
// verify it with the issuers' public keys alone, the origin reachable or not.
//
// Two kinds, told apart by `typ` (RFC 8725 §3.11): a device's credential and an operator's token.

import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet } from "jose";
import { readIdentity, TOKEN_ISSUER, type Identity } from "./claims.ts";

export type TokenRefusal = {
  readonly reason:
    | "no-token"
    | "not-a-token"
    | "wrong-key"
    | "expired"
    | "not-yet-valid"
    | "wrong-claims";
};

export type TokenVerdict =
  | { readonly ok: true; readonly identity: Identity }
  /** Everything is right but the time: whoever knows that the origin is away may honour it. */
  | {
      readonly ok: false;
      readonly reason: "expired";
      readonly identity: Identity;
      /** Epoch milliseconds. */
      readonly expiresMs: number;
    }
  | { readonly ok: false; readonly reason: Exclude<TokenRefusal["reason"], "expired"> };

/** Verified tokens that an isolate remembers; an Ed25519 check costs about 80 microseconds. */
export const VERIFIED_TOKENS_MAX = 10_000;
/** A longer Authorization field is not one of our tokens (ours have about 350 characters). */
const TOKEN_CHARS_MAX = 4_096;
/** Seconds; the library takes no "any time". What a token says of time is judged here instead. */
const ANY_TIME_S = Number.MAX_SAFE_INTEGER;

/** What a token with a good signature says; it is true at any time. */
interface Verified {
  readonly identity: Identity;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
}

/**
 * Verifies bearer tokens against one set of public keys and remembers what it has verified, by the
 * tokens' SHA-256: a dump of the memory holds no token, and a token's length costs nothing.
 */
export class TokenVerifier {
  readonly #keys: ReturnType<typeof createLocalJWKSet>;
  readonly #rememberedMax: number;
  /** Least recently used first. */
  readonly #verified = new Map<string, Verified>();

  constructor(issuerKeys: JSONWebKeySet, rememberedMax: number = VERIFIED_TOKENS_MAX) {
    this.#keys = createLocalJWKSet(issuerKeys);
    this.#rememberedMax = rememberedMax;
  }

  /** How many tokens it remembers. */
  get remembered(): number {
    return this.#verified.size;
  }

  /**
   * Verifies the token of an Authorization field value. Never throws for what the field holds. The
   * scheme is Bearer, or Token, as clients of line protocol call it.
   */
  async verify(authorization: string | null, nowMs: number): Promise<TokenVerdict> {
    if (authorization === null) return { ok: false, reason: "no-token" };
    if (authorization.length > TOKEN_CHARS_MAX + 16) return { ok: false, reason: "not-a-token" };
    const token = /^(?:Bearer|Token) +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)?.[1];
    if (token === undefined || token.length > TOKEN_CHARS_MAX)
      return { ok: false, reason: "not-a-token" };
    const name = await digestOf(token);
    const verified = this.#verified.get(name) ?? (await this.#verifyAnew(token));
    if (typeof verified === "string") return { ok: false, reason: verified };
    this.#remember(name, verified);
    return judge(verified, nowMs);
  }

  async #verifyAnew(token: string): Promise<Verified | ReturnType<typeof reasonOf>> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys, {
        algorithms: ["EdDSA", "Ed25519"],
        issuer: TOKEN_ISSUER,
        requiredClaims: ["sub", "exp"],
        clockTolerance: ANY_TIME_S,
      });
      const identity = readIdentity(protectedHeader.typ, payload);
      const { exp = NaN, nbf = 0 } = payload;
      if (identity === null || !Number.isFinite(exp)) return "wrong-claims";
      return { identity, notBeforeMs: nbf * 1000, expiresMs: exp * 1000 };
    } catch (error) {
      return reasonOf(error);
    }
  }

  #remember(name: string, verified: Verified): void {
    this.#verified.delete(name);
    const oldest = this.#verified.keys().next();
    if (this.#verified.size >= this.#rememberedMax && oldest.done !== true)
      this.#verified.delete(oldest.value);
    this.#verified.set(name, verified);
  }
}

function judge({ identity, notBeforeMs, expiresMs }: Verified, nowMs: number): TokenVerdict {
  if (nowMs < notBeforeMs) return { ok: false, reason: "not-yet-valid" };
  if (nowMs < expiresMs) return { ok: true, identity };
  return { ok: false, reason: "expired", identity, expiresMs };
}

const utf8 = new TextEncoder();

async function digestOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8.encode(token));
  return String.fromCharCode(...new Uint8Array(digest));
}

function reasonOf(error: unknown): "wrong-key" | "wrong-claims" | "not-a-token" {
  if (error instanceof errors.JWSSignatureVerificationFailed) return "wrong-key";
  if (error instanceof errors.JWKSNoMatchingKey) return "wrong-key";
  if (error instanceof errors.JWTClaimValidationFailed) return "wrong-claims";
  return "not-a-token";
}
