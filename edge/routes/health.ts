// /livez: the process answers. /readyz: it is configured and its region's objects open their storage.
// Neither asks the origin: an edge is ready while the origin is away (P6).

import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse } from "../../doors/respond.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { CellReport } from "../objects/region-cell.ts";
import { hubsOf } from "../platform/hubs.ts";
import { openCell } from "../platform/regions.ts";
import { formatCell, formatLink } from "./device-report.ts";
import { locate } from "./locate.ts";

export function healthRoutes(parts: ApiParts): Hono<ApiEnv> {
  const { config: deployed, env } = parts;
  const app = new Hono<ApiEnv>();
  app.get("/livez", () => jsonResponse({ status: "live" }));
  app.get("/readyz", async (c) => {
    if (deployed.missing.length > 0 && !deployed.isDev) {
      return jsonResponse({ status: "not-configured", missing: deployed.missing }, 503);
    }
    const { region, config } = await locate(c, parts);
    try {
      // The call's type loses the tuples of a list; what arrives is what was sent.
      const asked = openCell(env, config, region).cellReport() as unknown as Promise<CellReport>;
      const hubs = hubsOf(env, config, region).map((hub) => hub.linkReport());
      const [cell, ...links] = await Promise.all([asked, ...hubs]);
      const body = { region, links: links.map(formatLink), cell: formatCell(cell) };
      return jsonResponse({ status: "ready", ...body });
    } catch {
      return jsonResponse({ status: "storage-failed", region }, 503);
    }
  });
  app.all("/livez", onlyMethods("GET"));
  app.all("/readyz", onlyMethods("GET"));
  return app;
}
