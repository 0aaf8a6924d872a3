// /v1/config: what of the deployment can be changed without deploying it again.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import { malformed, type Problem } from "../../http/problem.ts";
import { checkConfig, warningsOf } from "../../state/config.ts";
import { CONTENT_BYTES_MAX } from "../../sync/limits.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { readJson, tooLarge } from "../platform/read-json.ts";
import { hashText, openRegistry } from "../platform/registry.ts";

/** Makes the routes, to be mounted at /v1/config. */
export function configRoutes({ env, guard }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const { version, content } = await openRegistry(env).config();
    return tagged(jsonResponse(version === 0 ? {} : JSON.parse(content)), version);
  });
  app.put("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const document = await readJson(c.req.raw, CONTENT_BYTES_MAX);
    if (!document.ok) return problemResponse(document.error);
    const checked = checkConfig(document.value);
    if (!checked.ok) return problemResponse(malformed(checked.error));
    const text = await hashText(JSON.stringify(checked.value));
    // Filled in, it may be larger than it came.
    if (new TextEncoder().encode(text.content).length > CONTENT_BYTES_MAX)
      return problemResponse(tooLarge(CONTENT_BYTES_MAX));
    const ifMatch = c.req.header("if-match") ?? null;
    const publication = await openRegistry(env).publishConfig(text, ifMatch);
    if (publication.kind === "outdated") return problemResponse(outdated(publication.version));
    const { version, hash } = publication;
    const warnings = warningsOf(checked.value);
    const answer = { version, hash, ...(warnings.length === 0 ? {} : { warnings }) };
    return tagged(jsonResponse(answer), version);
  });
  app.all("/", onlyMethods("GET", "PUT"));
  return app;
}

function tagged(response: Response, version: number): Response {
  response.headers.set("etag", `"${version}"`);
  return response;
}

function outdated(version: number): Problem {
  return {
    code: "config-outdated",
    status: 412,
    title: "Precondition failed",
    detail: `The configuration is at version ${version}, not at the one that If-Match names: GET it, make the change again and send it with If-Match: "${version}"`,
    errors: [{ code: "if-match", message: `the current version is ${version}` }],
    headers: { etag: `"${version}"` },
  };
}
