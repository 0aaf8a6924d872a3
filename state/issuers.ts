// Whose signatures count? The document under ISSUERS: a JWK set (RFC 7517) in which the origin says
// which keys it has added to those that it was deployed with, and which are retired. Both ends read
// it with this, so that a key can be rotated without deploying any edge again.

import * as z from "zod/mini";

/** A public key of an issuer: a JWK with at least these members. */
export interface IssuerKey {
  readonly kty: string;
  readonly kid?: string | undefined;
  readonly [member: string]: unknown;
}

/** The document. Members beside `keys` are ignored by who reads it as a plain JWK set. */
export interface Issuers {
  readonly keys: readonly IssuerKey[];
  /** Ids of keys that were added while the origin ran. */
  readonly added: readonly string[];
  /** Ids of keys that count no more, wherever they were deployed. */
  readonly retired: readonly string[];
}

/** Ids of keys that are remembered as retired, and keys in force. */
export const RETIRED_MAX = 256;
export const ISSUER_KEYS_MAX = 16;

const schema = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.optional(z.string()) })),
  added: z._default(z.array(z.string()), []),
  retired: z._default(z.array(z.string()), []),
});

/** Reads a document, or a plain JWK set; null if it is neither. */
export function readIssuers(text: string): Issuers | null {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/**
 * Lists the keys that count: those that were published and those that this Worker was deployed with,
 * but for what is retired. One that was published goes before another of its id.
 */
export function keysInForce(
  deployed: readonly IssuerKey[],
  published: Issuers | null,
): readonly IssuerKey[] {
  const retired = new Set(published?.retired);
  const named = new Set<string>();
  return [...(published?.keys ?? []), ...deployed].filter((key) => {
    const name = key.kid ?? JSON.stringify(key);
    const counts = !named.has(name) && !retired.has(name);
    named.add(name);
    return counts;
  });
}
