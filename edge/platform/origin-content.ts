// The OriginContent port over fetch. Asks for bytes as they are: no redirect is followed, nothing is
// decoded, and the request says which edge is asking by a MAC over its target.

import { contentContext, importLinkKey, macText } from "../../doors/seal.ts";
import type { FieldList } from "../../http/fields.ts";
import type { BodyReading, OriginContent, UpstreamReply } from "../content-ports.ts";
import { limits } from "../limits.ts";

/** A body at the edge: bytes once it is stored, a stream while it passes through. */
export type EdgeBody = Uint8Array | ReadableStream<Uint8Array>;

type Failure = Exclude<Awaited<ReturnType<OriginContent<EdgeBody>["fetch"]>>, { kind: "reply" }>;

/** Opens the way to the origin at `originUrl`; `linkKey` is base64url, null if there is none. */
export function openOriginContent(
  originUrl: string,
  linkKey: string | null,
): OriginContent<EdgeBody> {
  let key: Promise<CryptoKey | null> | null = null;
  return {
    async fetch({ method, target, fields }) {
      key ??= linkKey === null ? Promise.resolve(null) : importLinkKey(linkKey);
      const imported = await key;
      if (imported === null) return { kind: "failed", reason: "no-link-key" };
      const url = new URL(`${originUrl}${target}`);
      const headers = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
      headers.set(
        "skerry-link",
        await macText(imported, contentContext(url.pathname + url.search)),
      );
      // One encoding for all: what is stored has no Vary, so it must suit every client.
      headers.set("accept-encoding", "identity");
      const reply = await send(url.href, { method, headers });
      if (reply.kind === "failed") return reply;
      // The client's credentials are never sent on, so these can only be about the link.
      const isRefused = reply.status === 401 || reply.status === 403;
      if (!isRefused) return reply;
      reply.discard();
      return { kind: "failed", reason: "origin-refused" };
    },
  };
}

/** How soon a request must have failed to be sent again. */
const RESEND_MS_MAX = 1_000;

/** Opens the way to any HTTP server, at a base URL without a trailing slash. */
export function openHttpUpstream(baseUrl: string): OriginContent<EdgeBody> {
  return {
    async fetch({ method, target, fields, body = null }) {
      const headers = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
      const sending = { method, headers, body };
      const startedMs = Date.now();
      const reply = await send(`${baseUrl}${target}`, sending);
      // A kept connection may have been closed just before it was used: no fault of the upstream, and
      // what only reads may be sent again (RFC 9110 §9.2.2).
      const isLost = reply.kind === "failed" && reply.reason === "origin-unreachable";
      const isSoon = Date.now() - startedMs < RESEND_MS_MAX;
      const isRead = (method === "GET" || method === "HEAD") && body === null;
      return isLost && isSoon && isRead ? send(`${baseUrl}${target}`, sending) : reply;
    },
  };
}

interface Sending {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: EdgeBody | null;
}

async function send(
  url: string,
  { method, headers, body = null }: Sending,
): Promise<UpstreamReply<EdgeBody> | Failure> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), limits.originTimeoutMs);
  const requestMs = Date.now();
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: body as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
      redirect: "manual",
      // Nothing between may keep it: this is the cache, and a purge reaches only what it knows.
      cache: "no-store",
      signal: controller.signal,
      encodeResponseBody: "manual",
    });
    return replyOf(response, requestMs, controller);
  } catch {
    return { kind: "failed", reason: "origin-unreachable" };
  } finally {
    clearTimeout(timer);
  }
}

function replyOf(
  response: Response,
  requestMs: number,
  controller: AbortController,
): UpstreamReply<EdgeBody> | Failure {
  const { status } = response;
  // The runtime reads statuses that it then refuses to send.
  if (status < 200 || status > 599) {
    controller.abort();
    return { kind: "failed", reason: "origin-error" };
  }
  const fields: FieldList = [...response.headers];
  return {
    kind: "reply",
    status,
    fields,
    requestMs,
    responseMs: Date.now(),
    body: () => response.body,
    read: (bytesMax) => readWhole(response, bytesMax, controller),
    discard: () => controller.abort(),
  };
}

/** Reads a body of at most `bytesMax`; of a longer one gives all bytes back as a stream. */
async function readWhole(
  response: Response,
  bytesMax: number,
  controller: AbortController,
): Promise<BodyReading<EdgeBody>> {
  if (response.body === null) return { kind: "whole", body: new Uint8Array(0), bytes: 0 };
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const timer = setTimeout(() => controller.abort(), limits.originTimeoutMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      bytes += value.length;
      if (bytes > bytesMax) return { kind: "too-large", body: resume(chunks, reader) };
    }
  } catch {
    return { kind: "broken" };
  } finally {
    clearTimeout(timer);
  }
  const announced = response.headers.get("content-length");
  // Without Content-Length or chunks the end of the connection ends the body (RFC 9112 §8).
  if (announced !== null && announced !== String(bytes)) return { kind: "broken" };
  return { kind: "whole", body: concat(chunks, bytes), bytes };
}

/** Continues a stream whose first chunks have been read already. */
function resume(
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  const waiting = [...chunks];
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = waiting.shift() ?? (await reader.read()).value;
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function concat(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
