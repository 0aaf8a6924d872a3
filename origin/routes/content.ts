// The content door of the origin: publish with an operator's token, read with one or as an edge.

import { Hono } from "hono";
import { forbidden, notConfigured } from "../../doors/auth.ts";
import type { Guard } from "../../doors/guard.ts";
import { readBody, type BodyReading } from "../../doors/read-body.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import { contentContext, macText, sameText } from "../../doors/seal.ts";
import { mayAct } from "../../doors/claims.ts";
import type { Problem } from "../../http/problem.ts";
import { urlScope } from "../../state/purge-scope.ts";
import type { PurgeContent } from "../content-ports.ts";
import { limits } from "../limits.ts";
import type { OriginEnv } from "../platform/env.ts";
import { openR2Content, type OriginBody } from "../platform/r2-content.ts";
import { openRegistry } from "../platform/registry.ts";
import {
  decideObjectPolicy,
  placeOfContent,
  publishContent,
  withdrawContent,
  type ContentPlace,
} from "../publish-content.ts";
import { readContent } from "../read-content.ts";

/** What the door needs of its Worker. */
export interface ContentParts {
  readonly guard: Guard;
  readonly linkKey: () => Promise<CryptoKey | null>;
  readonly env: OriginEnv;
}

/** The path as it came; a router would decode it. */
const CONTENT_PATH = /\/v1\/sites\/([^/]*)\/content(?:\/(.*))?$/s;

/** Makes the routes, to be mounted at /v1/sites. */
export function contentRoutes(parts: ContentParts): Hono {
  const app = new Hono();
  app.all("/:site/content", (context) => answer(context.req.raw, parts));
  app.all("/:site/content/*", (context) => answer(context.req.raw, parts));
  return app;
}

async function answer(request: Request, parts: ContentParts): Promise<Response> {
  const { method } = request;
  if (method === "GET" || method === "HEAD") return read(request, method, parts);
  if (method !== "PUT" && method !== "DELETE") return problemResponse(methodNotAllowed(method));
  const admission = await parts.guard.requireScope(request, "publish");
  if (!admission.ok) return problemResponse(admission.problem);
  const place = placeOf(request);
  if ("status" in place) return problemResponse(place);
  return method === "PUT" ? publish(request, place, parts) : withdraw(place, parts);
}

async function read(
  request: Request,
  method: "GET" | "HEAD",
  parts: ContentParts,
): Promise<Response> {
  const refusal = await refusalOfReader(request, parts);
  if (refusal !== null) return problemResponse(refusal);
  const place = placeOf(request);
  if ("status" in place) return problemResponse(place);
  const bucket = openR2Content(parts.env.CONTENT);
  const reading = await readContent(place, method, request.headers, Date.now(), bucket);
  if (reading === null) return problemResponse(notFound(place));
  const headers = new Headers(
    reading.fields.map(([name, value]): [string, string] => [name, value]),
  );
  const body = reading.body as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  return new Response(body, { status: reading.status, headers });
}

async function publish(
  request: Request,
  place: ContentPlace,
  parts: ContentParts,
): Promise<Response> {
  const { headers } = request;
  const policy = decideObjectPolicy(
    headers.get("content-type"),
    headers.get("cache-control"),
    place.path,
  );
  if ("status" in policy) return problemResponse(policy);
  const body = await bodyOf(request);
  if ("status" in body) return problemResponse(body);
  const bucket = openR2Content(parts.env.CONTENT);
  const publication = await publishContent(place, policy, body.body, bucket, purgeOf(parts));
  if (publication.kind === "problem") return problemResponse(publication.problem);
  const { etag, bytes, contentType, cacheControl } = publication.info;
  const { site, path } = place;
  return jsonResponse(
    { site, path, etag, bytes, contentType, cacheControl },
    publication.isNew ? 201 : 200,
  );
}

async function withdraw(place: ContentPlace, parts: ContentParts): Promise<Response> {
  const bucket = openR2Content(parts.env.CONTENT);
  const withdrawal = await withdrawContent(place, bucket, purgeOf(parts));
  if (withdrawal.kind === "problem") return problemResponse(withdrawal.problem);
  return withdrawal.wasThere
    ? new Response(null, { status: 204 })
    : problemResponse(notFound(place));
}

/** Purges by a mark in the registry, which every region replicates. */
function purgeOf({ env }: ContentParts): PurgeContent {
  return async (site, path) => void (await openRegistry(env).purge(urlScope(site, path)));
}

/** An edge shows its link's MAC over the target; anyone else a token that may read or publish. */
async function refusalOfReader(request: Request, parts: ContentParts): Promise<Problem | null> {
  const mac = request.headers.get("skerry-link");
  if (mac === null) {
    const admission = await parts.guard.identify(request);
    if (!admission.ok) return admission.problem;
    const { identity } = admission;
    if (mayAct(identity, "read") || mayAct(identity, "publish")) return null;
    return forbidden('This needs an operator token with the scope "read" or "publish"');
  }
  const key = await parts.linkKey();
  if (key === null) return notConfigured(["LINK_KEY (the key that edges read content with)"]);
  const url = new URL(request.url);
  const expected = await macText(key, contentContext(url.pathname + url.search));
  if (sameText(expected, mac)) return null;
  return {
    code: "link-mac",
    status: 401,
    title: "Not authenticated",
    detail:
      "The field skerry-link does not hold this link's MAC over the target: edge and origin must have the same LINK_KEY",
    headers: { "www-authenticate": 'Bearer realm="skerry"' },
  };
}

/** R2 stores a stream only if it knows its length; without Content-Length the body is read first. */
async function bodyOf(request: Request): Promise<{ body: OriginBody } | Problem> {
  const { contentBytesMax } = limits;
  const announced = request.headers.get("content-length");
  const isEncoded = request.headers.has("content-encoding");
  const bytes = /^[0-9]{1,15}$/.test(announced ?? "") ? Number(announced) : null;
  if (bytes !== null && bytes > contentBytesMax) return tooLarge();
  if (bytes !== null && !isEncoded && request.body !== null) {
    return { body: request.body.pipeThrough(new FixedLengthStream(bytes)) };
  }
  return bodyOfReading(await readBody(request, contentBytesMax));
}

function bodyOfReading(reading: BodyReading): { body: OriginBody } | Problem {
  switch (reading.kind) {
    case "bytes":
      return { body: reading.bytes };
    case "too-large":
      return tooLarge();
    case "unknown-encoding":
      return badBody(
        415,
        "content-encoding",
        `Content-Encoding ${reading.encoding} is not known: send the file as it is, or as gzip`,
      );
    case "broken-gzip":
      return badBody(
        400,
        "broken-gzip",
        "The body is not the gzip that Content-Encoding says: send the file as it is",
      );
    case "aborted":
      return badBody(400, "body-incomplete", "The body ended early: send it again");
  }
}

function placeOf(request: Request): ContentPlace | Problem {
  const parts = CONTENT_PATH.exec(new URL(request.url).pathname);
  return placeOfContent(parts?.[1] ?? "", parts?.[2] ?? "");
}

function methodNotAllowed(method: string): Problem {
  return {
    code: "method-not-allowed",
    status: 405,
    title: "Method not allowed",
    detail: `Content answers GET, HEAD, PUT and DELETE, not ${method}`,
    headers: { allow: "GET, HEAD, PUT, DELETE" },
  };
}

function notFound({ site, path }: ContentPlace): Problem {
  return {
    code: "content-not-found",
    status: 404,
    title: "Not found",
    detail: `Site "${site}" has no "${path}", and no 404.html to say so`,
  };
}

function tooLarge(): Problem {
  return badBody(413, "too-large", `An object has at most ${limits.contentBytesMax} bytes`);
}

function badBody(status: number, code: string, detail: string): Problem {
  return { code, status, title: "Bad body", detail };
}
