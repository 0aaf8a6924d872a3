// The edge Worker's composition root: which object gets which request, and nothing else.

import { notConfigured } from "../doors/auth.ts";
import { log, type RequestScope } from "../doors/access-log.ts";
import { DeviceKeys } from "../doors/device-keys.ts";
import { markGrace } from "../doors/mark-grace.ts";
import { problemResponse } from "../doors/respond.ts";
import { importLinkKey } from "../doors/seal.ts";
import { awaitSession, type SessionKey } from "../doors/session.ts";
import { serveWorker } from "../doors/serve-worker.ts";
import { createApi, type EdgeApi } from "./app.ts";
import { parseEdgeEnv, type EdgeEnv } from "./platform/env.ts";
import { createContentDoor, type ContentDoor } from "./platform/content-door.ts";
import { Regions } from "./platform/regions.ts";
import { addressKey } from "./routing/address.ts";
import { tooManyRequests } from "./routes/rate-problems.ts";
import { limits } from "./limits.ts";
import { RateBook } from "./telemetry/rate-limit.ts";
import { isApiRequest } from "./routing/path.ts";
import type { EdgeConfig } from "./config.ts";

export { ContentCell } from "./objects/content-cell.ts";
export { DeviceHub } from "./objects/device-hub.ts";
export { RegionCell } from "./objects/region-cell.ts";

interface Edge {
  readonly config: EdgeConfig;
  readonly addresses: RateBook;
  readonly api: EdgeApi;
  readonly content: ContentDoor;
  readonly regions: Regions;
  readonly linkKey: SessionKey;
}

/** Built at an isolate's first request: bindings do not change while it lives. */
let edge: Edge | null = null;

function createEdge(env: EdgeEnv): Edge {
  const config = parseEdgeEnv(env);
  if (config.missing.length > 0) log("not-configured", { missing: config.missing.join("; ") });
  const regions = new Regions(config, env);
  const deviceKeys = config.deviceRootKey === null ? null : DeviceKeys.open(config.deviceRootKey);
  const key = config.linkKey === null ? Promise.resolve(null) : importLinkKey(config.linkKey);
  const linkKey = (): Promise<CryptoKey | null> => key;
  const api = createApi({ config, env, regions, deviceKeys, linkKey });
  const addresses = new RateBook({
    namesMax: limits.ratedAddressesMax,
    burstMs: limits.rateBurstMs,
  });
  const content = createContentDoor(config, env, regions);
  return { config, addresses, api, content, regions, linkKey };
}

/** Waits for what a request's session names; null: it is known here. */
async function sessionBehind(
  request: Request,
  { regions, linkKey }: Edge,
  ctx: ExecutionContext,
): Promise<Response | null> {
  const background = (work: Promise<unknown>): void => ctx.waitUntil(work);
  const problem = await awaitSession(request, linkKey, (tokens) =>
    regions.hasSeen(request.cf ?? null, tokens, background),
  );
  return problem === null ? null : problemResponse(problem);
}

async function answer(
  request: Request,
  env: EdgeEnv,
  ctx: ExecutionContext,
  scope: RequestScope,
  url: URL,
): Promise<Response> {
  edge ??= createEdge(env);
  const { config, api, content } = edge;
  const isHealth = url.pathname === "/livez" || url.pathname === "/readyz";
  if (config.missing.length > 0 && !config.isDev && !isHealth) {
    return problemResponse(notConfigured(config.missing));
  }
  if (isApiRequest(url.hostname, url.pathname, config.apiHosts)) {
    const refused = isHealth
      ? null
      : (limitAddress(request, edge) ?? (await sessionBehind(request, edge, ctx)));
    if (refused !== null) return refused;
    const response = await api.fetch(request, { scope, cf: request.cf ?? null }, ctx);
    return markGrace(response, scope.fields);
  }
  return (await sessionBehind(request, edge, ctx)) ?? content.answer(request, scope, ctx);
}

/** Refuses an address that asks too often, where the deployment has a proxy that names it. */
function limitAddress(request: Request, { config, addresses }: Edge): Response | null {
  const { addressHeader, addressRate } = config;
  if (addressHeader === null || addressRate === null) return null;
  const name = addressKey(request.headers.get(addressHeader));
  const decision = addresses.take(name, { requests: { amount: 1, perS: addressRate } }, Date.now());
  return decision.kind === "taken" ? null : problemResponse(tooManyRequests(decision.waitMs));
}

/** Answers as any request is answered, with a log line of its own. */
function answerUsually(request: Request, env: EdgeEnv, ctx: ExecutionContext): Promise<Response> {
  return serveWorker(
    request,
    (scope, url) => answer(request, env, ctx, scope, url),
    () => edge?.config.logged ?? "all",
  );
}

export default {
  fetch: (request: Request, env: EdgeEnv, ctx: ExecutionContext): Response | Promise<Response> => {
    const hit = edge?.content.hit(request, ctx) ?? null;
    if (hit === null) return answerUsually(request, env, ctx);
    if (hit instanceof Response) return hit;
    return hit.then((found) => found ?? answerUsually(request, env, ctx));
  },
} satisfies ExportedHandler<EdgeEnv>;
