// POST /v1/purge: which stored responses are not to be served any more. Marks them in this region's
// cell, from where the marks travel to the others.

import { Hono } from "hono/tiny";
import * as z from "zod/mini";
import { onlyMethods } from "../../doors/methods.ts";
import { readBody } from "../../doors/read-body.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import { sessionFields } from "../../doors/session.ts";
import type { Problem, ProblemItem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { openCell } from "../platform/regions.ts";
import { scopesOf, type PurgeRequest } from "../purge-scopes.ts";
import { locate } from "./locate.ts";

const texts = (charsMax: number) => {
  const error = `a list of texts, each of 1 to ${charsMax} characters`;
  const text = z
    .string({ error })
    .check(z.minLength(1, { error }), z.maxLength(charsMax, { error }));
  return z.optional(z.array(text, { error }));
};
const purgeSchema = z.strictObject(
  {
    urls: texts(limits.purgeUrlCharsMax),
    prefixes: texts(limits.purgeUrlCharsMax),
    hosts: texts(limits.purgeUrlCharsMax),
    tags: texts(limits.purgeTagCharsMax),
    all: z.optional(z.literal(true, { error: "true, or left out" })),
  },
  { error: "the body is { urls?, prefixes?, hosts?, tags?, all? } and nothing else" },
);

export function purgeRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/", async (c) => {
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "purge", region });
    const admission = await guard.requireScope(c.req.raw, "purge");
    if (!admission.ok) return problemResponse(admission.problem);
    const asked = await readPurge(c.req.raw);
    if (!asked.ok) return problemResponse(malformed(asked.error));
    const scopes = scopesOf(asked.value, config.sites);
    if (!scopes.ok) return problemResponse(malformed(scopes.error));
    const { seq, isWidened } = await openCell(parts.env, config, region).purge(scopes.value);
    const id = `${region}-${seq}`;
    Object.assign(c.env.scope.fields, { purge: id, scopes: scopes.value.length });
    const widened = isWidened ? { widened: "shared" } : {};
    const answer = jsonResponse({ id, region, applied: [region], pending: [], ...widened });
    const session = await sessionFields({ writer: region, seq }, parts.linkKey);
    for (const [name, value] of Object.entries(session)) answer.headers.set(name, value);
    return answer;
  });
  app.all("/", onlyMethods("POST"));
  return app;
}

async function readPurge(request: Request): Promise<Result<PurgeRequest, readonly ProblemItem[]>> {
  const body = await readBody(request, limits.purgeBodyBytesMax);
  if (body.kind !== "bytes")
    return err([{ pointer: "", code: body.kind, message: "The body could not be read" }]);
  const parsed = purgeSchema.safeParse(parseJson(body.bytes));
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.slice(0, limits.errorsListedMax).map(({ path, code, message }) => ({
      pointer: path.map((part) => `/${String(part)}`).join(""),
      code: code ?? "invalid",
      message,
    })),
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function malformed(errors: readonly ProblemItem[]): Problem {
  const first = errors[0];
  const where = first?.pointer === undefined || first.pointer === "" ? "" : `${first.pointer}: `;
  const detail = `Nothing is purged: ${where}${first?.message ?? ""}`;
  return { code: "malformed", status: 400, title: "Malformed request", detail, errors };
}
