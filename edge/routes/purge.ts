// POST /v1/purge: which stored responses are not to be served any more. Marks them in this region's
// cell, from where the marks travel to the others.

import { Hono } from "hono/tiny";
import * as z from "zod/mini";
import { forbidden } from "../../doors/auth.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { readPageQuery } from "../../doors/page-query.ts";
import { within } from "../../doors/within.ts";
import { readBody } from "../../doors/read-body.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { sessionFields } from "../../doors/session.ts";
import type { Problem, ProblemItem } from "../../http/problem.ts";
import { formatPurges, PURGE_CURSOR, type PurgePage } from "../../state/purge-history.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { log } from "../../doors/access-log.ts";
import { limits } from "../limits.ts";
import type { AppliedPurge, RegionCell } from "../objects/region-cell.ts";
import { openCell } from "../platform/regions.ts";
import { NOT_ALLOWED, scopesOf } from "../purge-scopes.ts";
import { locate } from "./locate.ts";
import { tooManyPurges } from "./rate-problems.ts";

const texts = (charsMax: number) => {
  const error = `a list of texts, each of 1 to ${charsMax} characters`;
  const text = z
    .string({ error })
    .check(z.minLength(1, { error }), z.maxLength(charsMax, { error }));
  return z.optional(z.array(text, { error }));
};
/** The body of a purge: what is meant, and whose word is waited for. */
type PurgeBody = z.infer<typeof purgeSchema>;
export const purgeSchema = z.strictObject(
  {
    urls: texts(limits.purgeUrlCharsMax),
    prefixes: texts(limits.purgeUrlCharsMax),
    hosts: texts(limits.purgeUrlCharsMax),
    tags: texts(limits.purgeTagCharsMax),
    groups: z.optional(
      z.array(
        z.strictObject({
          host: z.string().check(z.minLength(1), z.maxLength(255)),
          group: z.string().check(z.minLength(1), z.maxLength(limits.purgeUrlCharsMax)),
        }),
        { error: "a list of { host, group }" },
      ),
    ),
    all: z.optional(z.literal(true, { error: "true, or left out" })),
    mode: z.optional(z.enum(["hard", "soft"], { error: "hard or soft" })),
    wait: z.optional(z.enum(["region", "all", "none"], { error: "region, all or none" })),
  },
  {
    error:
      "the body is { urls?, prefixes?, hosts?, tags?, groups?, all?, mode?, wait? } and nothing else",
  },
);

export function purgeRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/", async (c) => {
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "purge", region });
    const admission = await guard.requireScopeSomewhere(c.req.raw, "purge");
    if (!admission.ok) return problemResponse(admission.problem);
    const asked = await readPurge(c.req.raw);
    if (!asked.ok) return problemResponse(malformed(asked.error));
    const { wait = "region" } = asked.value;
    const { name, sites } = admission.identity;
    const scopes = scopesOf(asked.value, config.sites, sites);
    if (!scopes.ok) return problemResponse(refusalOf(scopes.error));
    const cell = openCell(parts.env, config, region);
    const regions = config.regions.map(({ id }) => id);
    const others = regions.filter((id) => id !== region);
    const marking = Promise.resolve(cell.purgeLimited(scopes.value, name));
    if (wait === "none") {
      const behind = marking.catch((error: unknown) =>
        log("purge-failed", { region, error: String(error) }),
      );
      c.executionCtx.waitUntil(behind);
      // It is waited for whether it may be, and for no cell that is silent.
      const early = await within(behind, limits.leaseTimeoutMs);
      if (typeof early === "object" && "waitMs" in early)
        return problemResponse(tooManyPurges(early.waitMs));
      return jsonResponse({ id: null, region, applied: [], pending: [region, ...others] }, 202);
    }
    const marked = await marking;
    if ("waitMs" in marked) return problemResponse(tooManyPurges(marked.waitMs));
    const { seq, isWidened } = marked;
    parts.regions.expire(region);
    const holders = wait === "all" ? await holdersOf(cell, seq, others) : new Set<string>();
    const id = `${region}-${seq}`;
    Object.assign(c.env.scope.fields, { purge: id, scopes: scopes.value.length });
    const answer = jsonResponse({
      id,
      region,
      applied: [region, ...others.filter((other) => holders.has(other))],
      pending: others.filter((other) => !holders.has(other)),
      ...(isWidened ? { widened: "shared" } : {}),
    });
    const session = await sessionFields({ writer: region, seq }, parts.linkKey);
    for (const [name, value] of Object.entries(session)) answer.headers.set(name, value);
    return answer;
  });
  app.all("/", onlyMethods("POST"));
  return app;
}

/** GET /v1/purges: who purged what, and when. */
export function purgesRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "purges", region });
    const admission = await guard.requireScope(c.req.raw, "purge");
    if (!admission.ok) return problemResponse(admission.problem);
    const query = readPageQuery(c.req.query(), PURGE_CURSOR);
    if (!query.ok) return problemResponse(query.problem);
    const { most, cursor } = query.page;
    const cell = openCell(parts.env, config, region);
    const page = (await cell.purgesMade(most, cursor)) as PurgePage;
    return jsonResponse({ region, ...formatPurges(page, isoTime) });
  });
  app.all("/", onlyMethods("GET"));
  return app;
}

/** Waits, though not for long, until the other regions hold a purge, and tells which of them do. */
async function holdersOf(
  cell: DurableObjectStub<RegionCell>,
  seq: number,
  others: readonly string[],
): Promise<ReadonlySet<string>> {
  const untilMs = Date.now() + limits.purgeWaitMs;
  let head: number | null = null;
  let holders: ReadonlySet<string> = new Set();
  for (;;) {
    const asking: Promise<AppliedPurge | null> = Promise.resolve(cell.appliedBy(seq, head));
    const applied = await within(asking, untilMs - Date.now());
    // Without the origin nobody can tell.
    if (applied === null || applied === "late") return holders;
    head = applied.head;
    holders = new Set(applied.regions);
    const isDone = others.every((other) => holders.has(other));
    if (isDone || Date.now() >= untilMs) return holders;
    await scheduler.wait(limits.purgeAskMs);
  }
}

async function readPurge(request: Request): Promise<Result<PurgeBody, readonly ProblemItem[]>> {
  const body = await readBody(request, limits.purgeBodyBytesMax);
  if (body.kind !== "bytes")
    return err([{ pointer: "", code: body.kind, message: "The body could not be read" }]);
  const parsed = purgeSchema.safeParse(parseJson(body.bytes));
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.slice(0, limits.errorsListedMax).map(({ path, code, message }) => ({
      pointer: path.map((part) => `/${String(part)}`).join(""),
      code: code ?? "invalid",
      message,
    })),
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** 403 for what the token does not allow; 400 for what is wrong with the rest. */
function refusalOf(errors: readonly ProblemItem[]): Problem {
  const foreign = errors.find(({ code }) => code === NOT_ALLOWED);
  return foreign === undefined
    ? malformed(errors)
    : { ...forbidden(`Nothing is purged: ${foreign.pointer}: ${foreign.message}`), errors };
}

function malformed(errors: readonly ProblemItem[]): Problem {
  const first = errors[0];
  const where = first?.pointer === undefined || first.pointer === "" ? "" : `${first.pointer}: `;
  const detail = `Nothing is purged: ${where}${first?.message ?? ""}`;
  return { code: "malformed", status: 400, title: "Malformed request", detail, errors };
}
