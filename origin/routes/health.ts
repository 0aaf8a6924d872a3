// /livez: the process answers. /readyz: it is configured and its storage opens.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse } from "../../doors/respond.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { openRegistry } from "../platform/registry.ts";
import { formatSummary } from "./poison.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";

export function healthRoutes({ config, env }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/livez", () => jsonResponse({ status: "live" }));
  app.get("/readyz", async () => {
    if (config.missing.length > 0 && !config.isDev) {
      return jsonResponse({ status: "not-configured", missing: config.missing }, 503);
    }
    try {
      const replicas = await openShard(env, ALL_DEVICES).replicas();
      const poison = await openShard(env, ALL_DEVICES).poisonSummary();
      const { bytes, bytesMax } = await openRegistry(env).kept();
      return jsonResponse({
        status: "ready",
        replicas: replicas.length,
        kept: { bytes, bytesMax },
        poison: formatSummary(poison),
      });
    } catch {
      return jsonResponse({ status: "storage-failed" }, 503);
    }
  });
  app.all("/livez", onlyMethods("GET"));
  app.all("/readyz", onlyMethods("GET"));
  return app;
}
