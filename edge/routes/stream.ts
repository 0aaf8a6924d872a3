// GET /v1/devices/{device}/stream: who may open a stream of readings? Whoever may post them. The
// upgrade is let in here, once, and the device's hub holds the socket.

import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { problemResponse } from "../../doors/respond.ts";
import { parseDeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { DEVICE_FIELD, EXPIRES_FIELD } from "../objects/device-streams.ts";
import { hubOf } from "../platform/hubs.ts";
import { NOT_SPOKEN, parseOffer, parseOptions, UPGRADE_REQUIRED } from "../stream/protocol.ts";
import { NO_SUCH_NAME } from "./device-problems.ts";
import { locate } from "./locate.ts";

export function streamRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:device/stream", async (c) => {
    const device = parseDeviceId(c.req.param("device"));
    if (device === null) return problemResponse(NO_SUCH_NAME);
    const { raw } = c.req;
    if ((raw.headers.get("upgrade") ?? "").toLowerCase() !== "websocket")
      return problemResponse(UPGRADE_REQUIRED);
    const offer = parseOffer(raw.headers.get("sec-websocket-protocol"));
    if (!offer.isSpoken) return problemResponse(NOT_SPOKEN);
    const url = new URL(raw.url);
    const options = parseOptions(url.searchParams);
    if (!options.ok) return problemResponse(options.error);
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "stream", device, region });
    const upgrade = withToken(raw, offer.token);
    const admission = await guard.requireDevice(upgrade, device, "ingest");
    if (!admission.ok) return problemResponse(admission.problem);
    upgrade.headers.set(DEVICE_FIELD, device);
    upgrade.headers.set(EXPIRES_FIELD, String(expiryOf(upgrade)));
    return hubOf(parts.env, config, region, device).fetch(upgrade);
  });
  app.all("/:device/stream", onlyMethods("GET"));
  return app;
}

/** Copies an upgrade; a token that was offered as a subprotocol stands where others have it. */
function withToken(request: Request, token: string | null): Request {
  const headers = new Headers(request.headers);
  if (token !== null && !headers.has("authorization"))
    headers.set("authorization", `Bearer ${token}`);
  headers.delete("sec-websocket-protocol");
  return new Request(request.url, { headers });
}

/** Reads when a token ends that the guard has verified; 0 if it does not say. */
export function expiryOf(request: Request): number {
  const [, payload = ""] = (request.headers.get("authorization") ?? "").split(".");
  try {
    const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const { exp } = JSON.parse(text) as { readonly exp?: unknown };
    return typeof exp === "number" ? exp * 1000 : 0;
  } catch {
    return 0;
  }
}
