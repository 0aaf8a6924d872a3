// The OriginContent port over fetch. Asks for bytes as they are: no redirect is followed, nothing is
// decoded, and the request says which edge is asking by a MAC over its target.

import { contentContext, importLinkKey, macText } from "../../doors/seal.ts";
import { within } from "../../doors/within.ts";
import type { FieldList } from "../../http/fields.ts";
import type { OriginContent, SentBody, SharedBody, UpstreamReply } from "../content-ports.ts";
import { limits } from "../limits.ts";
import type { LargeBody } from "./large-body.ts";
import { ArrivingBody, type BodyBudget } from "./arriving-body.ts";
import { BriefBody } from "./brief-body.ts";

/** A body at the edge: bytes once it is stored, a stream while it passes through. */
export type EdgeBody = Uint8Array | ReadableStream<Uint8Array> | LargeBody;

type Failure = Exclude<Awaited<ReturnType<OriginContent<EdgeBody>["fetch"]>>, { kind: "reply" }>;

/** Opens the way to the origin at `originUrl`; `linkKey` is base64url, null if there is none. */
export function openOriginContent(
  originUrl: string,
  linkKey: string | null,
  budget: BodyBudget,
): OriginContent<EdgeBody> {
  let key: Promise<CryptoKey | null> | null = null;
  const send = openSender(budget);
  return {
    async fetch({ method, target, fields }) {
      key ??= linkKey === null ? Promise.resolve(null) : importLinkKey(linkKey);
      const imported = await key;
      if (imported === null) return { kind: "failed", reason: "no-link-key" };
      const url = new URL(`${originUrl}${target}`);
      const headers = headersOf(fields);
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

/** Opens the way to any HTTP server, at a base URL without a trailing slash. */
export function openHttpUpstream(baseUrl: string, budget: BodyBudget): OriginContent<EdgeBody> {
  const send = openSender(budget);
  return {
    async fetch({ method, target, fields, body = null }) {
      return send(`${baseUrl}${target}`, { method, headers: headersOf(fields), body });
    },
  };
}

/** Made line by line: of a list the runtime asks each line for an iterator, at four times the cost. */
function headersOf(fields: FieldList): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

interface Sending {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: SentBody<EdgeBody> | null;
}

/** How soon a request must have failed to be sent again. */
const RESEND_MS_MAX = 1_000;

/**
 * Makes the way to send requests to one server. A kept connection may have been closed just before it was
 * used: no fault of who is asked, and what only reads may be sent again (RFC 9110 §9.2.2). Without an answer
 * since the last loss there is no such connection, and a server that is gone is asked once a probe.
 */
function openSender(
  budget: BodyBudget,
): (url: string, sending: Sending) => Promise<UpstreamReply<EdgeBody> | Failure> {
  let hasAnswered = false;
  const sendNoting = async (url: string, sending: Sending) => {
    const reply = await sendOnce(url, sending, budget);
    hasAnswered = reply.kind === "reply";
    return reply;
  };
  return async (url, sending) => {
    const { method, body = null } = sending;
    const startedMs = Date.now();
    const mayBeKept = hasAnswered;
    const reply = await sendNoting(url, sending);
    const isLost = reply.kind === "failed" && reply.reason === "origin-unreachable";
    const isSoon = Date.now() - startedMs < RESEND_MS_MAX;
    const isRead = (method === "GET" || method === "HEAD") && body === null;
    return mayBeKept && isLost && isSoon && isRead ? sendNoting(url, sending) : reply;
  };
}

/** What only reads needs no signal, which is dear: it is not waited for any more, and ends with its request. */
async function sendOnce(
  url: string,
  { method, headers, body = null }: Sending,
  budget: BodyBudget,
): Promise<UpstreamReply<EdgeBody> | Failure> {
  const requestMs = Date.now();
  const controller = body === null ? null : new AbortController();
  const abort = (): void => controller?.abort();
  const sent = body === null ? null : body.open(abort);
  const init = {
    method,
    headers,
    body: sent as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
    redirect: "manual",
    // Nothing between may keep it: this is the cache, and a purge reaches only what it knows.
    cache: "no-store",
    encodeResponseBody: "manual",
  } as const;
  try {
    const work = fetch(url, controller === null ? init : { ...init, signal: controller.signal });
    const response = await within(work, limits.originTimeoutMs);
    if (response !== "late") return replyOf(response, requestMs, controller, budget);
    abort();
    void work.then(({ body: unread }) => unread?.cancel()).catch(() => undefined);
    return { kind: "failed", reason: "origin-timeout" };
  } catch {
    const isAborted = controller?.signal.aborted === true;
    return { kind: "failed", reason: isAborted ? "origin-timeout" : "origin-unreachable" };
  }
}

function replyOf(
  response: Response,
  requestMs: number,
  controller: AbortController | null,
  budget: BodyBudget,
): UpstreamReply<EdgeBody> | Failure {
  const { status } = response;
  let shared: ArrivingBody | BriefBody | null = null;
  const discard = (): void => {
    if (controller !== null) controller.abort();
    else if (shared === null) void response.body?.cancel().catch(() => undefined);
    else shared.discard();
  };
  // The runtime reads statuses that it then refuses to send.
  if (status < 200 || status > 599) {
    discard();
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
    share: (bytesMax) => {
      shared = shareBody(response, bytesMax, budget);
      return shared ?? NOTHING;
    },
    discard,
  };
}

/** A stream of ours is sent in chunks unless the runtime is told its length. */
function withLength(stream: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  const fixed = new FixedLengthStream(bytes);
  // What breaks off breaks off there too, and who reads it sees it.
  void stream.pipeTo(fixed.writable).catch(() => undefined);
  return fixed.readable;
}

/** A body without bytes. */
const NOTHING: SharedBody<EdgeBody> = {
  open: () => new Uint8Array(0),
  whole: Promise.resolve({ kind: "whole", body: new Uint8Array(0), bytes: 0 }),
  done: Promise.resolve(),
};

/** Reads a body for many; null: there is none. */
function shareBody(
  response: Response,
  wholeBytesMax: number,
  budget: BodyBudget,
): ArrivingBody | BriefBody | null {
  if (response.body === null) return null;
  const { arrivingBodyBytesMax: heldBytesMax, originTimeoutMs: idleMs } = limits;
  const announced = response.headers.get("content-length");
  // Beside Transfer-Encoding a Content-Length says nothing (RFC 9112 §6.3).
  const isLengthFinal = !response.headers.has("transfer-encoding");
  const bytes = lengthOf(announced);
  if (isLengthFinal && bytes > 0 && bytes <= Math.min(limits.briefBodyBytesMax, wholeBytesMax))
    return new BriefBody(response, bytes, idleMs, budget, withLength);
  const bounds = { wholeBytesMax, heldBytesMax, idleMs, isLengthFinal };
  return new ArrivingBody(response.body, announced, bounds, budget, withLength);
}

/** Reads a Content-Length; NaN: it is none, or not said plainly. */
function lengthOf(announced: string | null): number {
  return announced !== null && /^\d{1,9}$/.test(announced) ? Number(announced) : NaN;
}
