// /v1/poison: entries of hubs that the origin could not count. An operator lists them, looks at one,
// replays it after a repair, or drops it.

import { Hono, type Context } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import { parseReplicaId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";
import type { ListedPoison, PoisonedEntry, PoisonId, PoisonSummary } from "../ports.ts";

/** Makes the routes, to be mounted at /v1/poison. */
export function poisonRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const shard = () => openShard(parts.env, ALL_DEVICES);
  app.get("/", (c) =>
    asOperator(c, parts, async () => {
      const cursor = c.req.query("cursor");
      const after = cursor === undefined ? null : parseId(cursor);
      if (cursor !== undefined && after === null) return problemResponse(NOT_FOUND);
      const { entries, summary } = await shard().poison(after, limits.poisonListedMax);
      const last = entries.length === limits.poisonListedMax ? entries.at(-1) : undefined;
      return jsonResponse({
        ...formatSummary(summary),
        listed: entries.map(formatEntry),
        cursor: last === undefined ? null : formatId(last),
      });
    }),
  );
  app.all("/", onlyMethods("GET"));
  app.post("/replay", (c) =>
    asOperator(c, parts, async () => {
      const cursor = c.req.query("cursor");
      const after = cursor === undefined ? null : parseId(cursor);
      if (cursor !== undefined && after === null) return problemResponse(NOT_FOUND);
      const { next, ...sums } = await shard().replayAll(after);
      return jsonResponse({ ...sums, cursor: next === null ? null : formatId(next) });
    }),
  );
  app.all("/replay", onlyMethods("POST"));
  app.get("/:id", (c) =>
    withEntry(c, parts, async (id) => {
      const entry = await shard().poisonEntry(id);
      if (entry === null) return problemResponse(NOT_FOUND);
      const headers = { "content-type": "application/octet-stream", "cache-control": "no-store" };
      return new Response(entry.body, { headers });
    }),
  );
  app.delete("/:id", (c) =>
    withEntry(c, parts, async (id) => {
      if (!(await shard().dropPoison(id))) return problemResponse(NOT_FOUND);
      return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
    }),
  );
  app.all("/:id", onlyMethods("GET", "DELETE"));
  app.post("/:id/replay", (c) =>
    withEntry(c, parts, async (id) => {
      const outcome = await shard().replayPoison(id);
      if (outcome.kind === "unknown") return problemResponse(NOT_FOUND);
      if (outcome.kind === "still-poison") return problemResponse(stillPoison(outcome.reason));
      return jsonResponse({ id: formatId(id), added: outcome.added });
    }),
  );
  app.all("/:id/replay", onlyMethods("POST"));
  return app;
}

async function asOperator(
  c: Context<ApiEnv>,
  { guard }: ApiParts,
  answer: () => Promise<Response>,
): Promise<Response> {
  const admission = await guard.requireScope(c.req.raw, "admin");
  return admission.ok ? answer() : problemResponse(admission.problem);
}

function withEntry(
  c: Context<ApiEnv>,
  parts: ApiParts,
  answer: (id: PoisonId) => Promise<Response>,
): Promise<Response> {
  return asOperator(c, parts, async () => {
    const id = parseId(c.req.param("id") ?? "");
    return id === null ? problemResponse(NOT_FOUND) : answer(id);
  });
}

/** REGION.RANGE.EPOCH.SEQ: a replica's "/" would be a path of its own. */
function formatId({ replica, replicaEpoch, seq }: PoisonId): string {
  return `${replica.replace("/", ".")}.${replicaEpoch}.${seq}`;
}

function parseId(text: string): PoisonId | null {
  const parts = /^([^.]{1,64})\.([^.]{1,64})\.(\d{1,10})\.(\d{1,15})$/.exec(text);
  if (parts === null) return null;
  const [, region, range, epoch, seq] = parts;
  const replica = parseReplicaId(`${region}/${range}`);
  return replica === null ? null : { replica, replicaEpoch: Number(epoch), seq: Number(seq) };
}

function formatEntry(entry: ListedPoison): object {
  const { replica, replicaEpoch, seq, stampMs, sinceMs, reason, bytes } = entry;
  const times = { committed: iso(stampMs), since: iso(sinceMs) };
  return { id: formatId(entry), replica, replicaEpoch, seq, bytes, reason, ...times };
}

/** How much is set aside, and how much may be. */
export function formatSummary(summary: PoisonSummary): object {
  const { entries, entriesMax, bytes, bytesMax, dropped } = summary;
  return { entries, entriesMax, bytes, bytesMax, dropped };
}

function iso(timeMs: number): string | null {
  return timeMs === 0 ? null : new Date(timeMs).toISOString();
}

const NOT_FOUND: Problem = {
  code: "no-such-entry",
  status: 404,
  title: "Not found",
  detail: "No such entry is set aside: GET /v1/poison lists those that are, each with its id",
};

function stillPoison(reason: PoisonedEntry["reason"]): Problem {
  return {
    code: "still-poison",
    status: 409,
    title: "Still cannot be counted",
    detail: `The entry is kept: ${REASONS[reason]}`,
  };
}

const REASONS: Readonly<Record<PoisonedEntry["reason"], string>> = {
  "broken-batch":
    "it does not decode. Deploy an origin that reads what its hub wrote and replay it, or drop it",
  "cannot-be-stored":
    "storing it fails in the same way each time. Deploy an origin that can and replay it, or drop it",
};
