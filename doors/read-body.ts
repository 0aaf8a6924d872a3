// How is a body read without trusting its size? With a bound on what comes out, also of gzip. What an
// answer leaves unread is read and thrown away, so that the client gets to see the answer.

import { within } from "./within.ts";

export type BodyReading =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "too-large" }
  | { readonly kind: "broken-gzip" }
  | { readonly kind: "unknown-encoding"; readonly encoding: string }
  | { readonly kind: "aborted" };

/**
 * Bytes of a body that are thrown away so that its client learns why. Above every bound of a door
 * (the largest, a published object, is 25 MiB), so that whoever misjudged one gets its answer.
 */
const DISCARDED_BYTES_MAX = 67_108_864;

/**
 * How long the next bytes of such a body may take, in milliseconds. A client that waits for the
 * answer before it sends more must not wait for ever; a lame line gets on within that.
 */
const DISCARD_PATIENCE_MS = 5_000;
/** How long it may take in all, however steadily the bytes trickle in. */
const DISCARD_MS_MAX = 30_000;

/**
 * Reads and throws away what is left of a body that was answered without being read to its end.
 *
 * A connection is closed behind an answer that came before the body was all there, and a client
 * that is still sending then finds it broken instead of finding the answer. A body that announces
 * more than the bound is left alone, as is one that was read or handed on. Never throws.
 */
export async function discardBody(
  request: Request,
  bytesMax = DISCARDED_BYTES_MAX,
  patienceMs = DISCARD_PATIENCE_MS,
): Promise<void> {
  const { body } = request;
  // Whoever takes a body locks it, and `collect` lets go only of one that it left.
  if (body === null || body.locked) return;
  if (Number(request.headers.get("content-length") ?? "0") > bytesMax) return;
  try {
    const reader = body.getReader();
    const deadlineMs = Date.now() + DISCARD_MS_MAX;
    let size = 0;
    while (size <= bytesMax && Date.now() < deadlineMs) {
      const chunk = await within(reader.read(), patienceMs);
      if (chunk === "late") break;
      if (chunk.done) return;
      size += chunk.value.length;
    }
    await reader.cancel();
  } catch {
    // The client is gone, and with it the reason to read on.
  }
}

/** Reads the whole body, gunzipped if Content-Encoding says so, or says why not. */
export async function readBody(request: Request, bytesMax: number): Promise<BodyReading> {
  const encoding = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  const isGzip = encoding === "gzip" || encoding === "x-gzip";
  if (!isGzip && encoding !== "identity" && encoding !== "")
    return { kind: "unknown-encoding", encoding };
  const raw = await readRawBody(request, bytesMax);
  if (raw.kind !== "bytes" || !isGzip || request.body === null) return raw;
  return gunzip(raw.bytes, bytesMax);
}

/** Reads the whole body as it was sent, whatever its Content-Encoding. */
export async function readRawBody(request: Request, bytesMax: number): Promise<Collected> {
  const length = request.headers.get("content-length");
  if (Number(length ?? "0") > bytesMax) return { kind: "too-large" };
  if (request.body === null) return { kind: "bytes", bytes: new Uint8Array(0) };
  // The runtime reads so many bytes and no more: they need not be counted as they come in.
  return length === null ? collect(request.body, bytesMax) : takeWhole(request, bytesMax);
}

async function takeWhole(request: Request, bytesMax: number): Promise<Collected> {
  try {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return bytes.length > bytesMax ? { kind: "too-large" } : { kind: "bytes", bytes };
  } catch {
    return { kind: "aborted" };
  }
}

async function gunzip(zipped: Uint8Array, bytesMax: number): Promise<BodyReading> {
  const stream = new Blob([zipped as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const opened = await collect(stream, bytesMax);
  if (opened.kind === "too-large") await stream.cancel();
  return opened.kind === "aborted" ? { kind: "broken-gzip" } : opened;
}

type Collected = Extract<BodyReading, { kind: "bytes" | "too-large" | "aborted" }>;

async function collect(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Collected> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > bytesMax) {
        // Not cancelled: the rest of a request is still to be thrown away (`discardBody`).
        reader.releaseLock();
        return { kind: "too-large" };
      }
      chunks.push(value);
    }
  } catch {
    return { kind: "aborted" };
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { kind: "bytes", bytes };
}
