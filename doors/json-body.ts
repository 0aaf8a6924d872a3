// How is a small JSON body read at a door of either Worker? With a bound, of a type that the door
// takes, as UTF-8 that holds one document.

import type { Problem } from "../http/problem.ts";
import { readBody } from "./read-body.ts";

/** A document, or the problem to answer with. */
export type JsonBody =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: Problem };

/** Reads the JSON document of a request whose media type is one of `types`. */
export async function readJsonBody(
  request: Request,
  bytesMax: number,
  types: readonly string[],
): Promise<JsonBody> {
  const [type = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (!types.includes(type.trim().toLowerCase())) return refuse(unsupported(types, type.trim()));
  const body = await readBody(request, bytesMax);
  switch (body.kind) {
    case "too-large":
      return refuse(bodyTooLarge(bytesMax));
    case "unknown-encoding":
      return refuse({
        code: "unsupported-encoding",
        status: 415,
        title: "Unsupported encoding",
        detail: `Content-Encoding is gzip, or left out, not "${body.encoding.slice(0, 40)}"`,
        headers: { "accept-encoding": "gzip" },
      });
    case "bytes":
      return parse(body.bytes);
    case "aborted":
    case "broken-gzip":
      return refuse(notJson("The body cannot be read to its end"));
  }
}

function parse(bytes: Uint8Array): JsonBody {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return refuse(notJson("The body is not JSON in UTF-8"));
  }
}

function refuse(problem: Problem): JsonBody {
  return { ok: false, problem };
}

function notJson(detail: string): Problem {
  const errors = [{ pointer: "", code: "not-json", message: detail }];
  return { code: "malformed", status: 400, title: "Malformed request", detail, errors };
}

function bodyTooLarge(bytesMax: number): Problem {
  const detail = `The body has at most ${bytesMax} bytes, also after gunzip`;
  return { code: "too-large", status: 413, title: "Too large", detail };
}

function unsupported(types: readonly string[], type: string): Problem {
  return {
    code: "unsupported-media-type",
    status: 415,
    title: "Unsupported media type",
    detail: `This takes ${types.join(" or ")}, not ${type === "" ? "a body without Content-Type" : `"${type.slice(0, 80)}"`}`,
    headers: { accept: types.join(", ") },
  };
}
