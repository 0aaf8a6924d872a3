// How does an answer become a Response?

import { problemResponse } from "../../doors/respond.ts";
import type { ContentAnswer } from "../cache/answer.ts";
import { originFailed } from "../cache/problems.ts";
import { LargeBody } from "./large-body.ts";
import type { EdgeBody } from "./origin-content.ts";

type Content = Extract<ContentAnswer<EdgeBody>, { kind: "content" }>;

/** All of a Response but its body; it may be used more than once. What is left out is the default. */
export interface ResponseParts {
  readonly status?: number;
  readonly headers: Headers;
  readonly encodeBody?: "manual";
}

/** Serves, and opens a body that is in the bucket; one that is not what it was is dropped, and served anew. */
export async function openLarge(
  serve: () => Promise<ContentAnswer<EdgeBody>>,
): Promise<ContentAnswer<EdgeBody>> {
  for (let left = LARGE_TRIES; ; left -= 1) {
    const answer = await serve();
    if (answer.kind === "problem" || !(answer.body instanceof LargeBody)) return answer;
    const { range, ...whole } = answer;
    const { bytes } = answer.body.handle;
    const body = await answer.body.open(range ?? { from: 0, to: bytes - 1 });
    if (body !== null) return { ...whole, body };
    if (left === 0)
      return {
        kind: "problem",
        decision: "failed:body",
        problem: originFailed("origin-error", 1_000),
      };
  }
}

/** How often a body that is lost is looked for again: others may have it, and lose it. */
const LARGE_TRIES = 2;

export function responseOf(answer: ContentAnswer<EdgeBody>): Response {
  if (answer.kind === "problem") return problemResponse(answer.problem);
  const { status } = answer;
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  const body = partOf(answer) as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  return new Response(hasBody ? body : null, responseParts(answer));
}

export function responseParts({ status, fields }: Content): ResponseParts {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  // Bytes are stored and passed on as the origin encoded them: "automatic" would encode them again.
  const encoding = headers.has("content-encoding") ? ({ encodeBody: "manual" } as const) : {};
  return { headers, ...(status === 200 ? {} : { status }), ...encoding };
}

/** Only what is held whole has a range. */
function partOf({ body, range }: Content): EdgeBody | null {
  if (range === undefined || !(body instanceof Uint8Array)) return body;
  return body.subarray(range.from, range.to + 1);
}
