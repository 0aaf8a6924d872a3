// How is a small JSON body read? With a bound, and what is wrong in it named by its place.

import type * as z from "zod/mini";
import { readBody } from "../../doors/read-body.ts";
import { malformed, type Problem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";

/** Reads a JSON document; no body at all is an empty object. */
export async function readJson(
  request: Request,
  bytesMax: number,
): Promise<Result<unknown, Problem>> {
  const body = await readBody(request, bytesMax);
  if (body.kind === "too-large") return err(tooLarge(bytesMax));
  if (body.kind !== "bytes")
    return err(malformed([{ pointer: "", code: body.kind, message: "the body cannot be read" }]));
  if (body.bytes.length === 0) return ok({});
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body.bytes);
    return ok(JSON.parse(text));
  } catch {
    return err(malformed([{ pointer: "", code: "not-json", message: "the body is not JSON" }]));
  }
}

/** Reads a JSON document that a schema describes. */
export async function readObject<T>(
  request: Request,
  bytesMax: number,
  schema: z.ZodMiniType<T>,
): Promise<Result<T, Problem>> {
  const document = await readJson(request, bytesMax);
  if (!document.ok) return document;
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return ok(parsed.data);
  return err(
    malformed(
      parsed.error.issues.map((issue) => ({
        pointer: issue.path.map((part) => `/${String(part)}`).join(""),
        code: issue.code ?? "invalid",
        message: issue.message,
      })),
    ),
  );
}

export function tooLarge(bytesMax: number): Problem {
  return {
    code: "too-large",
    status: 413,
    title: "Too large",
    detail: `The body has at most ${bytesMax} bytes`,
  };
}
