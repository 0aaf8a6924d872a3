// The origin Worker's composition root.

import { log, type RequestScope } from "../doors/access-log.ts";
import { notConfigured } from "../doors/auth.ts";
import { problemResponse } from "../doors/respond.ts";
import { serveWorker } from "../doors/serve-worker.ts";
import { createApi, type OriginApi } from "./app.ts";
import type { OriginConfig } from "./config.ts";
import { parseOriginEnv, type OriginEnv } from "./platform/env.ts";

export { DeviceShard } from "./objects/device-shard.ts";
export { Registry } from "./objects/registry.ts";

interface Origin {
  readonly config: OriginConfig;
  readonly api: OriginApi;
}

/** Built at an isolate's first request: bindings do not change while it lives. */
let origin: Origin | null = null;

function createOrigin(env: OriginEnv): Origin {
  const config = parseOriginEnv(env);
  if (config.missing.length > 0) log("not-configured", { missing: config.missing.join("; ") });
  return { config, api: createApi(config, env) };
}

function answer(
  request: Request,
  env: OriginEnv,
  ctx: ExecutionContext,
  scope: RequestScope,
  { pathname: path }: URL,
): Promise<Response> | Response {
  origin ??= createOrigin(env);
  const { config, api } = origin;
  const isHealth = path === "/livez" || path === "/readyz";
  if (config.missing.length > 0 && !config.isDev && !isHealth) {
    return problemResponse(notConfigured(config.missing));
  }
  return api.fetch(request, { scope }, ctx);
}

export default {
  fetch: (request: Request, env: OriginEnv, ctx: ExecutionContext): Promise<Response> =>
    serveWorker(request, (scope, url) => answer(request, env, ctx, scope, url)),
} satisfies ExportedHandler<OriginEnv>;
