// How is a request answered as its site's settings say? Around edge/serve.ts: what settings answer by
// themselves goes before it, what they add to an answer comes after it.

import type { FieldList } from "../http/fields.ts";
import { preflightFields, withSiteFields, type Asking } from "./site/added-fields.ts";
import type { SiteSettings } from "../state/site.ts";
import { answerProblem, type ContentAnswer } from "./cache/answer.ts";
import { decideTarget } from "./cache/cache-key.ts";
import type { ContentPorts, ContentRequest, ContentSite } from "./content-ports.ts";
import { encodeAnswer } from "./encode-answer.ts";
import { serveContent } from "./serve.ts";
import { HookRun } from "./site/hook-run.ts";
import type { HookRequest } from "./site/hooks.ts";
import { decideRedirect } from "./site/redirects.ts";

/** What becomes of a request when it enters its site. */
export type Entered<Body> =
  | { readonly kind: "answered"; readonly answer: ContentAnswer<Body> }
  | { readonly kind: "goes-on"; readonly request: ContentRequest<Body> };

/** Answers a content request. Never throws for what the request or the upstream says (P9). */
export async function serveSite<Body>(
  request: ContentRequest<Body>,
  site: ContentSite | null,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  if (site === null || (site.settings ?? site.hooks) === undefined)
    return serveContent(request, site, ports);
  const { settings = {}, hooks } = site;
  const run = hooks === undefined ? undefined : new HookRun(hooks);
  const { method, fields, arrival } = request;
  const asking: Asking = { method, fields, scheme: arrival.scheme };
  const preflight = preflightFields(asking, settings.cors);
  if (preflight !== null)
    return alone(204, [...withSiteFields([], asking, settings), ...preflight], "preflight");
  const entered = enterSite(request, settings, run);
  const answer =
    entered.kind === "answered"
      ? entered.answer
      : await serveContent(entered.request, run === undefined ? site : { ...site, run }, ports);
  const coded =
    answer.kind === "problem" || settings.compression === undefined
      ? answer
      : encodeAnswer(answer, asking, settings.compression, ports.encoder);
  return delivered(coded, (status, said) =>
    hookFields(request, run, status, withSiteFields(said, asking, settings)),
  );
}

/** Lets a site's hooks and redirects have their say, before the cache is asked. */
export function enterSite<Body>(
  request: ContentRequest<Body>,
  settings: SiteSettings,
  run: HookRun | undefined,
): Entered<Body> {
  const hooked = run === undefined ? request : beginHooks(request, run);
  if ("kind" in hooked) return { kind: "answered", answer: hooked };
  const redirected = redirect<Body>(hooked, settings);
  if (redirected !== null) return { kind: "answered", answer: redirected };
  const target = hookRequestOf(hooked);
  if (target !== null) run?.key(target);
  return { kind: "goes-on", request: hooked };
}

/** What the first hook makes of a request: another one, or an answer. */
function beginHooks<Body>(
  request: ContentRequest<Body>,
  run: HookRun,
): ContentRequest<Body> | ContentAnswer<Body> {
  const seen = hookRequestOf(request);
  const outcome = seen === null ? null : run.request(seen);
  switch (outcome?.kind) {
    case "refuse": {
      const { status, detail } = outcome;
      const problem = { code: "refused-by-site", status, title: "Refused", detail };
      return answerProblem(problem, [], "site:refused");
    }
    case "redirect":
      return alone(outcome.status, [["location", outcome.location]], "redirect");
    case "rewrite":
      return { ...request, rawTarget: outcome.path + outcome.query };
    case undefined:
      return request;
  }
}

/** A request as hooks see it; null: its target is none, which is what will be answered. */
function hookRequestOf<Body>({
  method,
  host,
  arrival,
  rawTarget,
  fields,
}: ContentRequest<Body>): HookRequest | null {
  const target = decideTarget(rawTarget);
  if (target.kind === "refused") return null;
  const { path, query } = target;
  return { method, host, scheme: arrival.scheme, path, query, fields };
}

/** What the last hook makes of an answer's fields, and what went wrong with any of them (P11). */
function hookFields<Body>(
  request: ContentRequest<Body>,
  run: HookRun | undefined,
  status: number,
  fields: FieldList,
): FieldList {
  const seen = hookRequestOf(request);
  if (run === undefined || seen === null) return fields;
  const changed = run.deliver(seen, status, fields);
  if (run.faults.length === 0) return changed;
  const faults = run.faults.map((fault) => `skerry-hooks; detail=${fault}`).join(", ");
  const before = changed.find(([name]) => name === "cache-status")?.[1];
  const said = before === undefined ? faults : `${before}, ${faults}`;
  return [...changed.filter(([name]) => name !== "cache-status"), ["cache-status", said]];
}

/** Changes the fields of an answer, or of the problem that it is. */
function delivered<Body>(
  answer: ContentAnswer<Body>,
  change: (status: number, fields: FieldList) => FieldList,
): ContentAnswer<Body> {
  if (answer.kind === "content") return { ...answer, fields: change(answer.status, answer.fields) };
  const { headers = {}, status } = answer.problem;
  const changed = Object.fromEntries(change(status, Object.entries(headers)));
  return { ...answer, problem: { ...answer.problem, headers: changed } };
}

/** Answers a read that is redirected; null: it is not. */
function redirect<Body>(
  { method, rawTarget }: ContentRequest<Body>,
  { redirects }: SiteSettings,
): ContentAnswer<Body> | null {
  if (redirects === undefined || (method !== "GET" && method !== "HEAD")) return null;
  const target = decideTarget(rawTarget);
  if (target.kind === "refused") return null;
  const redirected = decideRedirect(redirects, target);
  if (redirected === null) return null;
  return alone(redirected.status, [["location", redirected.location]], "redirect");
}

function alone<Body>(status: number, fields: FieldList, detail: string): ContentAnswer<Body> {
  const said: FieldList = [...fields, ["cache-status", `skerry-memory; detail=${detail}`]];
  return { kind: "content", decision: `site:${detail}`, status, fields: said, body: null };
}
