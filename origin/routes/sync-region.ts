// POST /v1/sync/region: one exchange of a region's link with the registry.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { RegionExchange } from "../objects/registry.ts";
import { openRegistry } from "../platform/registry.ts";
import { answerSealed } from "../platform/sealed-exchange.ts";

const RANGE = "region";

/** Makes the routes, to be mounted at /v1/sync/region. */
export function syncRegionRoutes({ env, linkKey }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/", async (c) =>
    answerSealed(c.req.raw, RANGE, await linkKey(), async (frame) => {
      const exchange = (await openRegistry(env).exchange(frame)) as RegionExchange;
      const outcome = exchange.kind === "answered" ? exchange.outcome : exchange.reason;
      Object.assign(c.env.scope.fields, {
        door: "sync",
        range: RANGE,
        bytes: frame.length,
        outcome,
      });
      return exchange;
    }),
  );
  app.all("/", onlyMethods("POST"));
  return app;
}
