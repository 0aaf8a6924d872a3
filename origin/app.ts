// The origin's API: which route goes to which handler. No logic here. Every door except health needs
// a token or the link's key.

import { Hono } from "hono";
import type { RequestScope } from "../doors/access-log.ts";
import { Guard } from "../doors/guard.ts";
import { noSuchPath } from "../doors/methods.ts";
import { importLinkKey } from "../doors/seal.ts";
import type { OriginConfig } from "./config.ts";
import type { OriginEnv } from "./platform/env.ts";
import { IssuerBook } from "./platform/issuers.ts";
import { openRegistry } from "./platform/registry.ts";
import { alertRoutes } from "./routes/alerts.ts";
import { configRoutes } from "./routes/config.ts";
import { contentRoutes } from "./routes/content.ts";
import { deviceRoutes } from "./routes/devices.ts";
import { healthRoutes } from "./routes/health.ts";
import { keyRoutes } from "./routes/keys.ts";
import { poisonRoutes } from "./routes/poison.ts";
import { keepSession } from "./routes/session.ts";
import { purgesRoutes } from "./routes/purges.ts";
import { ruleRoutes } from "./routes/rules.ts";
import { syncRoutes } from "./routes/sync.ts";

/** The Hono environment of the origin's routes. */
export type ApiEnv = { Bindings: { readonly scope: RequestScope } };

/** What the routes are built with. */
export interface ApiParts {
  readonly config: OriginConfig;
  readonly env: OriginEnv;
  readonly guard: Guard;
  readonly linkKey: () => Promise<CryptoKey | null>;
}

export type OriginApi = Hono<ApiEnv>;

/** Builds the API once an isolate. */
export function createApi(config: OriginConfig, env: OriginEnv): OriginApi {
  const key = config.linkKey === null ? Promise.resolve(null) : importLinkKey(config.linkKey);
  const issuers = new IssuerBook(config.issuerKeys, env);
  const guard = new Guard({
    verifier: () => issuers.verifier(),
    denialOf: (device) => openRegistry(env).denialOf(device),
    nowMs: () => Date.now(),
    outage: null,
    graceMs: 0,
  });
  const parts: ApiParts = { config, env, guard, linkKey: () => key };
  const app = new Hono<ApiEnv>();
  app.route("/", healthRoutes(parts));
  app.route("/v1/sync", syncRoutes(parts));
  for (const door of ["devices", "config", "rules", "alerts", "keys", "sites"])
    app.use(`/v1/${door}/*`, keepSession(parts));
  app.route("/v1/devices", deviceRoutes(parts));
  app.route("/v1/config", configRoutes(parts));
  app.route("/v1/rules", ruleRoutes(parts));
  app.route("/v1/alerts", alertRoutes(parts));
  app.route("/v1/poison", poisonRoutes(parts));
  app.route("/v1/keys", keyRoutes(parts));
  app.route("/v1/sites", contentRoutes(parts));
  app.route("/v1/purges", purgesRoutes(parts));
  app.notFound(noSuchPath);
  app.onError((error) => {
    throw error;
  });
  return app;
}
