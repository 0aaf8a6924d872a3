// How is a request answered as its site's settings say? Around edge/serve.ts: what settings answer by
// themselves goes before it, what they add to an answer comes after it.

import type { FieldList } from "../http/fields.ts";
import { preflightFields, withSiteFields, type Asking } from "./site/added-fields.ts";
import type { ContentAnswer } from "./cache/answer.ts";
import { decideTarget } from "./cache/cache-key.ts";
import type { ContentPorts, ContentRequest, ContentSite } from "./content-ports.ts";
import { encodeAnswer } from "./encode-answer.ts";
import { serveContent } from "./serve.ts";
import { decideRedirect } from "./site/redirects.ts";

/** Answers a content request. Never throws for what the request or the upstream says (P9). */
export async function serveSite<Body>(
  request: ContentRequest<Body>,
  site: ContentSite | null,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const settings = site?.settings;
  if (settings === undefined) return serveContent(request, site, ports);
  const { method, fields, arrival } = request;
  const asking: Asking = { method, fields, scheme: arrival.scheme };
  const preflight = preflightFields(asking, settings.cors);
  if (preflight !== null)
    return alone(204, [...withSiteFields([], asking, settings), ...preflight], "preflight");
  const answer = redirect<Body>(request, settings) ?? (await serveContent(request, site, ports));
  if (answer.kind === "content") {
    const { compression } = settings;
    const coded =
      compression === undefined ? answer : encodeAnswer(answer, asking, compression, ports.encoder);
    return { ...coded, fields: withSiteFields(coded.fields, asking, settings) };
  }
  const { headers = {} } = answer.problem;
  const added = withSiteFields(Object.entries(headers), asking, settings);
  return { ...answer, problem: { ...answer.problem, headers: Object.fromEntries(added) } };
}

/** Answers a read that is redirected; null: it is not. */
function redirect<Body>(
  { method, rawTarget }: ContentRequest<Body>,
  { redirects }: NonNullable<ContentSite["settings"]>,
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
