// /livez: the process answers. /readyz: it is configured and its region's hub opens its storage.
// Neither asks the origin: an edge is ready while the origin is away (P6).

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse } from "../../doors/respond.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { hubsOf } from "../platform/hubs.ts";
import { placeOf } from "../platform/place.ts";
import { decideRegion } from "../routing/region.ts";
import { formatLink } from "./device-report.ts";

export function healthRoutes({ config, env }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/livez", () => jsonResponse({ status: "live" }));
  app.get("/readyz", async (c) => {
    if (config.missing.length > 0 && !config.isDev) {
      return jsonResponse({ status: "not-configured", missing: config.missing }, 503);
    }
    const { region } = decideRegion(
      placeOf(c.env.cf, config.place),
      config.regions,
      config.pinnedRegion,
    );
    try {
      const links = await Promise.all(hubsOf(env, config, region).map((hub) => hub.linkReport()));
      return jsonResponse({ status: "ready", region, links: links.map(formatLink) });
    } catch {
      return jsonResponse({ status: "storage-failed", region }, 503);
    }
  });
  app.all("/livez", onlyMethods("GET"));
  app.all("/readyz", onlyMethods("GET"));
  return app;
}
