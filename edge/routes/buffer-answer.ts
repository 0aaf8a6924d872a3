// What does an answer say of the buffer? How full it is, once that matters, and when to come back.

import type { Problem } from "../../http/problem.ts";
import type { IngestOutcome } from "../ingest.ts";

/** The field that announces a buffer that fills; the value is the share of its quota. */
export const BUFFER_FIELD = "skerry-buffer";

/** Rounds a share down to hundredths, so that what is not full does not look so. */
export function shareOf(fill: number): number {
  return Math.floor(fill * 100) / 100;
}

/** Adds how full the buffer is to an answer; undefined: nothing is to be announced. */
export function announced(response: Response, share: number | undefined): Response {
  if (share !== undefined) response.headers.set(BUFFER_FIELD, share.toFixed(2));
  return response;
}

type NoRoom = Extract<IngestOutcome, { kind: "buffer-full" | "buffer-high" }>;

/** Says that readings are to be kept, and for how long. */
export function noRoom({ kind, fill, waitS }: NoRoom): Problem {
  const headers = { "retry-after": String(waitS), [BUFFER_FIELD]: shareOf(fill).toFixed(2) };
  return kind === "buffer-full"
    ? { code: kind, status: 503, title: "Full", detail: FULL, headers }
    : { code: kind, status: 429, title: "Nearly full", detail: HIGH, headers };
}

const FULL =
  "The buffer is full until the origin has taken what it holds: keep the readings and send them again later";
const HIGH =
  "The buffer is nearly full, so some requests are asked to wait: keep the readings and send them again later";
