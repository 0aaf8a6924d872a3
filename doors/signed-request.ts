// Did this device sign this very request? For devices that are too small for signatures with public
// keys: an HMAC-SHA-256 (RFC 2104) over method, target, device, key version, boot, seq and the digest
// of the body (Content-Digest, RFC 9530), in the Authorization field (RFC 9110 §11.6.2):
//
//   Authorization: Skerry-HMAC device="boat-1", version=1, boot="b7f3", seq=118, mac="..."
//
// No clock is asked, since small devices have none. What keeps a request that was recorded from being
// stored a second time is the batch memory: boot and seq are the batch's name, and cannot be changed.

import { decodeBase64Url } from "./base64url.ts";

/** What a device's signature says; nothing of it is believed before its MAC is checked. */
export interface Signature {
  readonly device: string;
  /** Which of the device's keys. */
  readonly version: number;
  readonly boot: string;
  readonly seq: number;
  readonly mac: Uint8Array<ArrayBuffer>;
}

export type SignatureRefusal = {
  readonly reason:
    | "not-a-signature"
    | "no-digest"
    | "wrong-mac"
    | "wrong-digest"
    | "not-here"
    | "not-offered";
};

/** A longer field is none of these: names and numbers of the greatest length have 300 characters. */
const FIELD_CHARS_MAX = 512;
const MAC_BYTES = 32;
const SCHEME = /^skerry-hmac(?: |$)/i;
/** A token or a quoted string without escapes (RFC 9110 §11.2), then a comma or the end. */
const PARAMETER = /\s*([a-z]+)\s*=\s*(?:"([A-Za-z0-9._~-]*)"|([A-Za-z0-9._~-]+))\s*(?:,|$)/gy;
const NAMES = ["device", "version", "boot", "seq", "mac"];
const DEVICE = /^[A-Za-z0-9._-]{1,64}$/;
const BOOT = /^[A-Za-z0-9._~-]{1,64}$/;

/** Tells whether an Authorization field claims to be a signature. */
export function isSignature(authorization: string | null): authorization is string {
  return authorization !== null && SCHEME.test(authorization);
}

/** Reads the Authorization field of a signed request; null if it is not one. */
export function readSignature(authorization: string): Signature | null {
  if (authorization.length > FIELD_CHARS_MAX) return null;
  const given = readParameters(authorization.replace(SCHEME, ""));
  if (given === null) return null;
  const text = (name: string): string => given.get(name) ?? "";
  const [device, boot] = [text("device"), text("boot")];
  const [version, seq] = [readNatural(text("version")), readNatural(text("seq"))];
  const mac = decodeBase64Url(text("mac"));
  if (!DEVICE.test(device) || !BOOT.test(boot)) return null;
  if (version === null || seq === null || mac?.length !== MAC_BYTES) return null;
  return { device, version, boot, seq, mac };
}

/** Reads a whole number from 1; null if it is not one, or is too large to be told from others. */
function readNatural(text: string): number | null {
  const number = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : 0;
  return number > 0 && Number.isSafeInteger(number) ? number : null;
}

/** Reads parameters, each of a known name and at most once; null if anything else stands there. */
function readParameters(text: string): ReadonlyMap<string, string> | null {
  const given = new Map<string, string>();
  let end = 0;
  for (const { 0: whole, 1: name = "", 2: quoted, 3: token, index } of text.matchAll(PARAMETER)) {
    if (!NAMES.includes(name) || given.has(name)) return null;
    given.set(name, quoted ?? token ?? "");
    end = index + whole.length;
  }
  return end === text.length ? given : null;
}

/** Finds the SHA-256 in a Content-Digest field, in its base64; null if there is none. */
export function readContentDigest(field: string | null): string | null {
  return /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(field ?? "")?.[1] ?? null;
}

/** Writes the base64 of a body's SHA-256, as in Content-Digest. */
export async function contentDigestOf(body: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", body as Uint8Array<ArrayBuffer>);
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

/**
 * Builds the text that is signed: lines, none of which can hold a line feed.
 *
 * @param target Path and query as they were sent.
 * @param digest The base64 of the Content-Digest.
 */
export function textToSign(
  method: string,
  target: string,
  { device, version, boot, seq }: Omit<Signature, "mac">,
  digest: string,
): string {
  return ["skerry-hmac-1", method, target, device, version, boot, seq, digest].join("\n");
}

/** Checks a signature's MAC with the device's key, in constant time. */
export function isSignedWith(
  key: CryptoKey,
  request: Request,
  signature: Signature,
  digest: string,
): Promise<boolean> {
  const { pathname, search } = new URL(request.url);
  const text = textToSign(request.method, pathname + search, signature, digest);
  return crypto.subtle.verify("HMAC", key, signature.mac, new TextEncoder().encode(text));
}
