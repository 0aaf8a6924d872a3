// Did this frame come from the other end of the link? A seal is the frame followed by the first
// 16 bytes of an HMAC-SHA-256 (RFC 2104) over a context and the frame. The context says what the
// frame is for, so that a sealed frame cannot be used as an answer, for another range, or as the
// answer to another request.

import { decodeBase64Url } from "./base64url.ts";

/** Bytes of the seal behind a frame. */
export const SEAL_BYTES = 16;

const encoder = new TextEncoder();

/** Imports a link's secret, given as base64url text of at least 32 bytes. Null if it is not that. */
export async function importLinkKey(secret: string): Promise<CryptoKey | null> {
  const raw = decodeBase64Url(secret);
  if (raw === null || raw.length < 32) return null;
  return crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** Appends the seal to `frame`. */
export async function seal(
  key: CryptoKey,
  context: string,
  frame: Uint8Array,
): Promise<Uint8Array> {
  const sealed = new Uint8Array(frame.length + SEAL_BYTES);
  sealed.set(frame);
  sealed.set(await mac(key, context, frame), frame.length);
  return sealed;
}

/** Checks and removes the seal; null if it is not the right one. Compares in constant time. */
export async function unseal(
  key: CryptoKey,
  context: string,
  sealed: Uint8Array,
): Promise<Uint8Array | null> {
  if (sealed.length < SEAL_BYTES) return null;
  const frame = sealed.subarray(0, sealed.length - SEAL_BYTES);
  const expected = await mac(key, context, frame);
  return sameBytes(expected, sealed.subarray(frame.length)) ? frame : null;
}

/** Computes the text of a MAC over `context` alone, for a request without a body. */
export async function macText(key: CryptoKey, context: string): Promise<string> {
  return hex(await mac(key, context, new Uint8Array(0)));
}

/** Compares two texts of equal meaning in constant time, as MACs must be. */
export function sameText(left: string, right: string): boolean {
  return sameBytes(encoder.encode(left), encoder.encode(right));
}

/** The context of an up-frame, and of the answer to the sealed request `request`. */
export function upContext(range: string): string {
  return `skerry up 1 ${range}`;
}
export function downContext(range: string, request: Uint8Array): string {
  return `skerry down 1 ${range} ${hex(request.subarray(request.length - SEAL_BYTES))}`;
}

/** The context under which an edge reads content from the origin. */
export function contentContext(path: string): string {
  return `skerry content 1 ${path}`;
}

/** The context of the token of a write, `WRITER:SEQ`. */
export function sessionContext(token: string): string {
  return `skerry session 1 ${token}`;
}

async function mac(key: CryptoKey, context: string, body: Uint8Array): Promise<Uint8Array> {
  const head = encoder.encode(`${context}\n`);
  const input = new Uint8Array(head.length + body.length);
  input.set(head);
  input.set(body, head.length);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, input)).subarray(0, SEAL_BYTES);
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i += 1) difference |= (left[i] ?? 0) ^ (right[i] ?? 0);
  return difference === 0;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
