// The content door: a Request becomes a ContentRequest, the use case answers it, and the answer
// becomes a Response. One isolate has one memory tier and one belief about the origin.

import type { RequestScope } from "../../doors/access-log.ts";
import { problemResponse } from "../../doors/respond.ts";
import type { ContentAnswer } from "../cache/answer.ts";
import type { EdgeConfig } from "../config.ts";
import type { ContentPorts } from "../content-ports.ts";
import { limits } from "../limits.ts";
import { INITIAL_HEALTH } from "../routing/origin-health.ts";
import { siteOf } from "../routing/path.ts";
import { decideRegion } from "../routing/region.ts";
import { serveContent } from "../serve.ts";
import type { EdgeEnv } from "./env.ts";
import { MemoryStore } from "./memory-store.ts";
import { openOriginContent, type EdgeBody } from "./origin-content.ts";
import { placeOf } from "./place.ts";
import { openRegionContent } from "./region-content.ts";

/** Answers one content request. */
export type ContentDoor = (
  request: Request,
  scope: RequestScope,
  ctx: ExecutionContext,
) => Promise<Response>;

/** Opens the door of an isolate. */
export function createContentDoor(config: EdgeConfig, env: EdgeEnv): ContentDoor {
  const memory = new MemoryStore<EdgeBody>({
    bytesMax: limits.memoryCacheBytesMax,
    entriesMax: limits.memoryCacheEntriesMax,
    staleMsMax: limits.staleOfflineMsMax,
  });
  const origin = openOriginContent(config.originUrl, config.linkKey);
  const health = { state: INITIAL_HEALTH };
  return async (request, scope, ctx) => {
    const place = placeOf(request.cf, config.place);
    const { region } = decideRegion(place, config.regions, config.pinnedRegion);
    const hint = config.regions.find((spec) => spec.id === region)?.locationHint ?? null;
    const ports: ContentPorts<EdgeBody> = {
      memory,
      region: openRegionContent(env.CONTENT_CELL, region, hint),
      origin,
      health,
      nowMs: () => Date.now(),
      within,
      background: (work) => ctx.waitUntil(work),
    };
    const host = new URL(request.url).hostname;
    const answer = await serveContent(
      {
        method: request.method,
        host,
        rawTarget: rawTargetOf(request.url),
        fields: request.headers,
      },
      config.sites,
      ports,
    );
    scope.fields["site"] = siteOf(host, config.sites);
    scope.fields["region"] = region;
    scope.fields["cache"] = answer.decision;
    return responseOf(answer);
  };
}

/** Path and query as the runtime gives them; parsing would change them before they are checked. */
function rawTargetOf(url: string): string {
  const at = url.indexOf("/", url.indexOf("://") + 3);
  return at < 0 ? "/" : url.slice(at);
}

function responseOf(answer: ContentAnswer<EdgeBody>): Response {
  if (answer.kind === "problem") return problemResponse(answer.problem);
  const headers = new Headers();
  for (const [name, value] of answer.fields) headers.append(name, value);
  const { status } = answer;
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  // Bytes are stored and passed on as the origin encoded them: "automatic" would encode them again.
  const encodeBody = headers.has("content-encoding") ? "manual" : "automatic";
  const body = answer.body as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  return new Response(hasBody ? body : null, { status, headers, encodeBody });
}

async function within<T>(work: Promise<T>, ms: number): Promise<T | "late"> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
