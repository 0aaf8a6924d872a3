// POST /v1/sync/{range}: one exchange of a link. Sealed with the link's key both ways.

import { Hono } from "hono";
import { problemResponse } from "../../doors/respond.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { notConfigured } from "../../doors/auth.ts";
import { readBody } from "../../doors/read-body.ts";
import { downContext, seal, SEAL_BYTES, unseal, upContext } from "../../doors/seal.ts";
import type { Problem } from "../../http/problem.ts";
import { FRAME_BYTES_MAX } from "../../sync/limits.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";

export function syncRoutes({ env, linkKey }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/:range", async (c) => {
    const range = c.req.param("range");
    if (range !== ALL_DEVICES) return problemResponse(noSuchRange(range));
    const key = await linkKey();
    if (key === null)
      return problemResponse(notConfigured(["LINK_KEY (the key that frames are sealed with)"]));
    const body = await readBody(c.req.raw, FRAME_BYTES_MAX + SEAL_BYTES);
    if (body.kind !== "bytes")
      return problemResponse(badFrame(body.kind, body.kind === "too-large" ? 413 : 400));
    const frame = await unseal(key, upContext(range), body.bytes);
    if (frame === null) return problemResponse(WRONG_SEAL);
    const outcome = await openShard(env, range).absorb(frame);
    if (outcome.kind === "refused") return problemResponse(badFrame(outcome.reason, 400));
    Object.assign(c.env.scope.fields, {
      door: "sync",
      entries: outcome.entries,
      added: outcome.added,
      bytes: frame.length,
    });
    const sealed = await seal(key, downContext(range, body.bytes), outcome.answer);
    return new Response(sealed, {
      headers: { "content-type": "application/octet-stream", "cache-control": "no-store" },
    });
  });
  app.all("/:range", onlyMethods("POST"));
  return app;
}

const WRONG_SEAL: Problem = {
  code: "wrong-seal",
  status: 401,
  title: "Not authenticated",
  detail:
    "The frame is not sealed with this origin's link key: edge and origin need the same LINK_KEY",
  headers: { "www-authenticate": 'Skerry-Link realm="skerry"' },
};

function badFrame(code: string, status: number): Problem {
  return {
    code,
    status,
    title: "Not a frame",
    detail: `The body is not a sealed frame of this protocol: ${code}`,
  };
}

function noSuchRange(range: string): Problem {
  return {
    code: "no-such-range",
    status: 404,
    title: "Not found",
    detail: `There is no object for range "${range.slice(0, 40)}"; all devices are in "${ALL_DEVICES}"`,
  };
}
