// GET /v1/place: where the request came from, which region serves it, and why.

import { Hono } from "hono/tiny";
import { jsonResponse } from "../../doors/respond.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { locate } from "./locate.ts";
import { onlyMethods } from "../../doors/methods.ts";

const REASONS = {
  pinned: "this process serves one region",
  country: "the region serves this country",
  nearest: "the region is the nearest",
  continent: "the region serves this continent",
  default: "nothing is known of the place: the first region of the table",
} as const;

export function placeRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const { region, reason, place } = await locate(c, parts);
    c.env.scope.fields["region"] = region;
    return jsonResponse({
      region,
      reason,
      because: REASONS[reason],
      place,
      hub: { region },
      // By name: its address is nobody's business out here.
      origin: { id: "default", reason: "only-origin" },
    });
  });
  app.all("/", onlyMethods("GET"));
  return app;
}
