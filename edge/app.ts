// The edge's API: which route goes to which handler. No logic here.

import { Hono } from "hono/tiny";
import type { RequestScope } from "../doors/access-log.ts";
import type { DeviceKeys } from "../doors/device-keys.ts";
import { noSuchPath } from "../doors/methods.ts";
import type { SessionKey } from "../doors/session.ts";
import type { EdgeConfig } from "./config.ts";
import type { EdgeEnv } from "./platform/env.ts";
import type { Regions } from "./platform/regions.ts";
import { alertRoutes } from "./routes/alerts.ts";
import { batchRoutes } from "./routes/batches.ts";
import { commandRoutes } from "./routes/commands.ts";
import { deviceRoutes } from "./routes/devices.ts";
import { gapRoutes } from "./routes/gaps.ts";
import { healthRoutes } from "./routes/health.ts";
import { historyRoutes } from "./routes/history.ts";
import { liveRoutes } from "./routes/live.ts";
import { placeRoutes } from "./routes/place.ts";
import { purgeRoutes, purgesRoutes } from "./routes/purge.ts";
import { streamRoutes } from "./routes/stream.ts";
import { shadowRoutes } from "./routes/shadow.ts";
import { timeRoutes } from "./routes/time.ts";
import { writeRoutes } from "./routes/write.ts";

/** What every handler finds in `c.env` beside the bindings, which it was built with. */
export interface ApiBindings {
  readonly scope: RequestScope;
  /** `request.cf`, or null where the runtime has none. */
  readonly cf: unknown;
}

/** The Hono environment of the edge's routes. */
export type ApiEnv = { Bindings: ApiBindings };

/** What the routes are built with. */
export interface ApiParts {
  readonly config: EdgeConfig;
  readonly env: EdgeEnv;
  readonly regions: Regions;
  /** Keys of small devices; null: this deployment takes no signed requests. */
  readonly deviceKeys: DeviceKeys | null;
  readonly linkKey: SessionKey;
}

export type EdgeApi = Hono<ApiEnv>;

/** Builds the API once an isolate. */
export function createApi(parts: ApiParts): EdgeApi {
  const app = new Hono<ApiEnv>();
  app.route("/", healthRoutes(parts));
  app.route("/v1/place", placeRoutes(parts));
  app.route("/v1/devices", shadowRoutes(parts));
  app.route("/v1/devices", historyRoutes(parts));
  app.route("/v1/devices", commandRoutes(parts));
  app.route("/v1/devices", deviceRoutes(parts));
  app.route("/v1/devices", gapRoutes(parts));
  app.route("/v1/devices", streamRoutes(parts));
  app.route("/v1/batches", batchRoutes(parts));
  app.route("/v1/alerts", alertRoutes(parts));
  app.route("/v1/live", liveRoutes(parts));
  app.route("/v1/purge", purgeRoutes(parts));
  app.route("/v1/purges", purgesRoutes(parts));
  app.route("/v1/time", timeRoutes());
  app.route("/", writeRoutes(parts));
  app.notFound(noSuchPath);
  app.onError((error) => {
    throw error;
  });
  return app;
}
