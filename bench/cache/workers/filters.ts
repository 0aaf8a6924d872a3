// The floor of what passes a shared cache, in three steps, KEEPS: a proxy that guards and filters the fields
// of both messages and waits only so long (`nothing`); that also reads the body whole and keeps it
// (`memory`); that also asks a Durable Object first and has it store what came, in one commit for all that
// comes while it is busy (`cell`). It decides nothing: neither what may be stored nor what may be served.

import { DurableObject } from "cloudflare:workers";
import { within } from "../../../doors/within.ts";
import type { FieldList } from "../../../http/fields.ts";
import { forwardedFields } from "../../../http/forwarding.ts";
import { publicFields } from "../../../edge/cache/answer.ts";
import { guardRequest } from "../../../edge/cache/request-guard.ts";
import { limits } from "../../../edge/limits.ts";

interface Env {
  readonly UPSTREAM: string;
  readonly KEEPS: "nothing" | "memory" | "cell";
  readonly CONTENT_CELL: DurableObjectNamespace<ContentCell>;
}

interface Page {
  readonly fields: FieldList;
  readonly body: Uint8Array<ArrayBuffer>;
}

interface Save extends Page {
  readonly key: string;
}

/** What is to be stored by the cell next, and whether it is busy. */
const saves: { waiting: Save[]; isBusy: boolean } = { waiting: [], isBusy: false };
const memory = new Map<string, Page>();

function keep(key: string, page: Page): void {
  memory.set(key, page);
  const oldest = memory.keys().next();
  if (memory.size > limits.memoryCacheEntriesMax && oldest.done !== true)
    memory.delete(oldest.value);
}

async function save(cell: DurableObjectStub<ContentCell>, one: Save): Promise<void> {
  saves.waiting.push(one);
  if (saves.isBusy) return;
  saves.isBusy = true;
  while (saves.waiting.length > 0) {
    const all = saves.waiting;
    saves.waiting = [];
    await cell.save(all);
  }
  saves.isBusy = false;
}

function headersOf(fields: FieldList): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

async function pass(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const target = pathname + search;
  const keeps = env.KEEPS;
  const cell =
    keeps === "cell" ? env.CONTENT_CELL.get(env.CONTENT_CELL.idFromName("a/cell/0")) : null;
  const known =
    memory.get(target) ?? ((await cell?.load(target)) as Page | null | undefined) ?? null;
  if (known !== null) return new Response(known.body, { headers: headersOf(known.fields) });
  const asked: FieldList = [...request.headers];
  if (guardRequest(asked).kind === "refused") return new Response(null, { status: 400 });
  const headers = headersOf(forwardedFields(asked, {}));
  const response = await within(
    fetch(env.UPSTREAM + target, { headers, redirect: "manual" }),
    limits.originTimeoutMs,
  );
  if (response === "late") return new Response(null, { status: 504 });
  const said: FieldList = [...response.headers];
  const fields: FieldList = [...publicFields(said), ["via", "1.1 floor"]];
  if (keeps === "nothing") return new Response(response.body, { headers: headersOf(fields) });
  const bytes = await within(response.arrayBuffer(), limits.originTimeoutMs);
  if (bytes === "late") return new Response(null, { status: 504 });
  const page = { fields, body: new Uint8Array(bytes) };
  keep(target, page);
  if (cell !== null) ctx.waitUntil(save(cell, { key: target, ...page }));
  return new Response(page.body, { headers: headersOf(fields) });
}

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default { fetch: pass } satisfies ExportedHandler<Env>;

/** Stores pages, and gives them back. */
export class ContentCell extends DurableObject<Env> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(
      "create table if not exists page (key text primary key, fields text, body blob)",
    );
  }

  load(key: string): Page | null {
    const query = "select fields, body from page where key = ?";
    const [row] = this.#sql.exec<{ fields: string; body: ArrayBuffer }>(query, key).toArray();
    if (row === undefined) return null;
    return { fields: JSON.parse(row.fields) as FieldList, body: new Uint8Array(row.body) };
  }

  save(all: readonly Save[]): void {
    for (const { key, fields, body } of all) {
      const text = JSON.stringify(fields);
      this.#sql.exec("insert or replace into page values (?, ?, ?)", key, text, body);
    }
  }
}

/** What the configuration names beside it; nobody calls them here. */
export class DeviceHub extends DurableObject<Env> {}
export class RegionCell extends DurableObject<Env> {}
