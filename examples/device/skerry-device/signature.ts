// How does a device without a token show that a request is its own? It signs each one with its key: an
// HMAC over what is sent, as docs/http-api.md says under "Signed requests".

import { createHash, createHmac } from "node:crypto";

/** A device's key, as the origin's POST /v1/devices/{device}/key answers. */
export interface SigningKey {
  readonly version: number;
  /** 32 bytes, base64url. */
  readonly key: string;
}

/** What is signed of a request. */
export interface SignedPart {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly device: string;
  readonly boot: string;
  readonly seq: number;
  /** As it is sent: compressed, if it is. */
  readonly body: string | Uint8Array;
}

/** Makes the fields that a signed request carries. */
export function sign(part: SignedPart, { version, key }: SigningKey): Record<string, string> {
  const { method, target, device, boot, seq, body } = part;
  const digest = createHash("sha256").update(body).digest("base64");
  const text = ["skerry-hmac-1", method, target, device, version, boot, seq, digest].join("\n");
  const secret = Buffer.from(key, "base64url");
  const mac = createHmac("sha256", secret).update(text).digest("base64url");
  return {
    authorization: `Skerry-HMAC device="${device}", version=${version}, boot="${boot}", seq=${seq}, mac="${mac}"`,
    "content-digest": `sha-256=:${digest}:`,
  };
}

/** Reads a key from the text of that answer; null if it is not one. */
export function parseSigningKey(text: string): SigningKey | null {
  try {
    const { version, key } = JSON.parse(text) as Partial<Record<string, unknown>>;
    const isKey = typeof key === "string" && Buffer.from(key, "base64url").length === 32;
    return isKey && typeof version === "number" && version >= 1 ? { version, key } : null;
  } catch {
    return null;
  }
}
