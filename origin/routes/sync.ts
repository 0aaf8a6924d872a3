// POST /v1/sync/{range}: one exchange of a link. `region` is the one of a RegionCell, the others
// those of hubs; `purges` tells who holds one, `gaps` takes what hubs gave up, `thinned` the minutes
// that are left of it, `live` what they send ahead of a backlog.

import { Hono } from "hono";
import * as z from "zod/mini";
import { onlyMethods } from "../../doors/methods.ts";
import { problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { AppliedQuery, RegionExchange } from "../objects/registry.ts";
import { openRegistry } from "../platform/registry.ts";
import { answerSealed } from "../platform/sealed-exchange.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";

const REGION = "region";
const GAPS = "gaps";
const THINNED = "thinned";
const PURGES = "purges";
const LIVE = "live";
const BROKEN = { kind: "not-a-frame", reason: "broken-frame" } as const;
const TAKEN = { kind: "answered", answer: new Uint8Array(0) } as const;

export function syncRoutes({ env, linkKey }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post(`/${REGION}`, async (c) =>
    answerSealed(c.req.raw, REGION, await linkKey(), async (frame) => {
      const exchange = (await openRegistry(env).exchange(frame)) as RegionExchange;
      const outcome = exchange.kind === "answered" ? exchange.outcome : exchange.reason;
      Object.assign(c.env.scope.fields, {
        door: "sync",
        range: REGION,
        bytes: frame.length,
        outcome,
      });
      return exchange;
    }),
  );
  app.post(`/${GAPS}`, async (c) =>
    answerSealed(c.req.raw, GAPS, await linkKey(), async (frame) => {
      const gaps = await openShard(env, ALL_DEVICES).absorbGaps(frame);
      Object.assign(c.env.scope.fields, { door: "sync", range: GAPS, bytes: frame.length });
      return gaps === null ? BROKEN : TAKEN;
    }),
  );
  app.post(`/${THINNED}`, async (c) =>
    answerSealed(c.req.raw, THINNED, await linkKey(), async (frame) => {
      const absorbed = await openShard(env, ALL_DEVICES).absorbThinned(frame);
      const { fields } = c.env.scope;
      Object.assign(fields, { door: "sync", range: THINNED, bytes: frame.length, ...absorbed });
      return absorbed === null ? BROKEN : TAKEN;
    }),
  );
  app.post(`/${PURGES}`, async (c) =>
    answerSealed(c.req.raw, PURGES, await linkKey(), async (frame) => {
      const query = readQuery(frame);
      Object.assign(c.env.scope.fields, { door: "sync", range: PURGES, bytes: frame.length });
      if (query === null) return BROKEN;
      const applied = await openRegistry(env).applied(query);
      return { kind: "answered", answer: new TextEncoder().encode(JSON.stringify(applied)) };
    }),
  );
  app.post(`/${LIVE}`, async (c) =>
    answerSealed(c.req.raw, LIVE, await linkKey(), async (frame) => {
      const live = await openShard(env, ALL_DEVICES).absorbLive(frame);
      const { fields } = c.env.scope;
      Object.assign(fields, { door: "sync", range: LIVE, bytes: frame.length, ...live });
      if (live === null) return BROKEN;
      return { kind: "answered", answer: new Uint8Array([Number(live.kind === "joined")]) };
    }),
  );
  app.post("/:range", async (c) => {
    const range = c.req.param("range");
    if (range !== ALL_DEVICES) return problemResponse(noSuchRange(range));
    return answerSealed(c.req.raw, range, await linkKey(), async (frame) => {
      const absorbed = await openShard(env, range).absorb(frame);
      Object.assign(c.env.scope.fields, { door: "sync", range, bytes: frame.length });
      if (absorbed.kind === "answered") {
        const { entries, added } = absorbed;
        Object.assign(c.env.scope.fields, { entries, added });
      }
      return absorbed;
    });
  });
  app.all("/:range", onlyMethods("POST"));
  return app;
}

/** Reads which purge is asked about; null if that is not said. */
function readQuery(frame: Uint8Array): AppliedQuery | null {
  const parsed = appliedSchema.safeParse(parseJson(frame));
  return parsed.success ? parsed.data : null;
}

const appliedSchema = z.strictObject({
  writer: z.string().check(z.maxLength(32)),
  seq: z.int(),
  head: z.nullable(z.int()),
});

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function noSuchRange(range: string): Problem {
  return {
    code: "no-such-range",
    status: 404,
    title: "Not found",
    detail: `There is no object for range "${range.slice(0, 40)}"; all devices are in "${ALL_DEVICES}", what all regions hold is in "${REGION}"`,
  };
}
