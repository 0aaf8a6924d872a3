// What is in the body of a request with readings? Its bytes within the bound, then text or JSON; what
// is wrong with it as a whole is a problem, the same at every door.

import { readBody } from "../../doors/read-body.ts";
import type { Problem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";

export const JSON_TYPE = "application/json";

/** Finds the media type of a request, without its parameters. */
export function mediaTypeOf(request: Request): string {
  const type = request.headers.get("content-type") ?? "";
  return (type.split(";")[0] ?? "").trim().toLowerCase();
}

/** Tells whether all or nothing is to be stored (`Prefer`, RFC 7240 §4.4). */
export function isStrict(request: Request): boolean {
  return /(^|[\s,;])handling=strict($|[\s,;])/i.test(request.headers.get("prefer") ?? "");
}

/** Reads the body, gunzipped if need be. */
export async function readPayload(request: Request): Promise<Result<Uint8Array, Problem>> {
  const body = await readBody(request, limits.bodyBytesMax);
  switch (body.kind) {
    case "too-large":
      return err(TOO_LARGE);
    case "broken-gzip":
      return err(
        malformed("gzip", "Content-Encoding says gzip, but the body is not whole gzip data"),
      );
    case "aborted":
      return err(ENDED_EARLY);
    case "unknown-encoding":
      return err(
        refuseForm(`Content-Encoding is gzip or none, not "${body.encoding.slice(0, 80)}"`),
      );
    case "bytes":
      return ok(body.bytes);
  }
}

/** One for all: to make one costs more than to decode with it. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Decodes text in UTF-8; a byte order mark is left out. */
export function decodeText(bytes: Uint8Array): Result<string, Problem> {
  try {
    return ok(utf8.decode(bytes));
  } catch {
    return err(malformed("text", "The body is not text in UTF-8"));
  }
}

/** Reads a body that has to be JSON. */
export async function readJson(
  request: Request,
): Promise<Result<{ readonly json: unknown; readonly body: Uint8Array }, Problem>> {
  const type = mediaTypeOf(request);
  if (type !== JSON_TYPE) return err(unsupported([JSON_TYPE], type));
  const body = await readPayload(request);
  if (!body.ok) return body;
  const json = decodeJson(body.value);
  return json.ok ? ok({ json: json.value, body: body.value }) : json;
}

/** Parses JSON in UTF-8. */
export function decodeJson(bytes: Uint8Array): Result<unknown, Problem> {
  const text = decodeText(bytes);
  return text.ok ? parseJson(text.value) : err(malformed("json", "The body is not JSON in UTF-8"));
}

/** Parses JSON. */
export function parseJson(text: string): Result<unknown, Problem> {
  try {
    return ok(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "";
    return err(malformed("json", `The body is not JSON in UTF-8: ${reason}`));
  }
}

/** Computes the SHA-256 of bytes, in hexadecimal. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Computes what stands for the content of a batch: the first 8 bytes of its SHA-256, in hexadecimal. */
export async function contentHashOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  let hash = "";
  for (let at = 0; at < 8; at += 1) hash += (0x100 | (digest[at] as number)).toString(16).slice(1);
  return hash;
}

/** Says which media types a door takes. */
export function unsupported(types: Iterable<string>, given: string): Problem {
  const known = [...types].join(", ");
  return refuseForm(`Content-Type is one of ${known}, not "${given.slice(0, 80)}"`);
}

function refuseForm(detail: string): Problem {
  return {
    code: "unsupported-media-type",
    status: 415,
    title: "Unsupported media type",
    detail,
    headers: { "accept-encoding": "gzip" },
  };
}

function malformed(code: string, detail: string): Problem {
  return { code: `malformed-${code}`, status: 400, title: "Malformed request", detail };
}

export const ENDED_EARLY: Problem = malformed("body", "The body ended early");

export const TOO_LARGE: Problem = {
  code: "too-large",
  status: 413,
  title: "Too large",
  detail: `A request has at most ${limits.bodyBytesMax} bytes, also after gunzip: split it`,
};
