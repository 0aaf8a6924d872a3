// A content request whose site and target are known, with all that its steps decide by.

import { linesOf, type FieldLines, type FieldList } from "../http/fields.ts";
import { forwardedFields, type Arrival, type RequestFields } from "../http/forwarding.ts";
import { acceptedCodings } from "../http/vary.ts";
import type { SiteSettings } from "../state/site.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import { cacheKeyOf, upstreamTargetOf, type Target } from "./cache/cache-key.ts";
import type { LifetimeRuling } from "./cache/storing.ts";
import { selectingList } from "./cache/variant.ts";
import type { ContentRequest, ContentSite } from "./content-ports.ts";
import type { Flight } from "./flights.ts";
import { isOfCors } from "./site/added-fields.ts";
import type { HookRun } from "./site/hook-run.ts";
import { ruleOf } from "./site/lifetime-rule.ts";
import { keptQuery } from "./site/query-rule.ts";

/** What is asked for, and how the upstream is asked for it. */
export interface AskedContent {
  readonly site: string;
  readonly policy: CachePolicy;
  readonly method: string;
  /** The client's fields. */
  readonly fields: FieldLines;
  readonly target: Target;
  readonly key: string;
  readonly settings: SiteSettings;
  /** Hooks of the site, at work on this request; not given: there are none. */
  readonly run?: HookRun | undefined;
  /** Path and query at the upstream. */
  readonly upstream: string;
  readonly arrival: Arrival;
  /** The flight that this request leads; not given: none. */
  readonly flight?: Pick<Flight<never>, "takeLease">;
  /** What of the client's fields goes to the upstream; nothing where content is published. */
  readonly forwarded: () => FieldList;
  /** The client's fields as variants are matched with, for the region's cell. */
  readonly selecting: () => FieldList;
}

/** Works out what a request asks for, and how the upstream would be asked. */
export function askedOf<Body>(
  request: ContentRequest<Body>,
  { name, policy, onlyHost, settings = {}, run }: ContentSite,
  came: Target,
): Omit<AskedContent, "flight"> {
  const { method, arrival } = request;
  const { fields, fieldList } = method === "HEAD" ? withoutRange(request) : request;
  const isRead = method === "GET" || method === "HEAD";
  const target = { ...came, query: keptQuery(came.query, settings.query) };
  // A write may mean what a key leaves out; what it makes doubtful is named as it is kept.
  const sent = isRead ? target : came;
  return {
    site: name,
    policy,
    method,
    fields,
    target,
    key: cacheKeyOf(name, target, run?.parts),
    settings,
    run,
    upstream: policy.isPublished ? upstreamTargetOf(name, target) : sent.path + sent.query,
    arrival,
    forwarded: () => {
      if (policy.isPublished) return [];
      const codings = acceptedCodings(fields.get("accept-encoding"));
      // P4: neither the host that was asked nor its scheme is in the key, so the upstream learns neither.
      const host = onlyHost();
      const passed = forwardedFields(fieldList(), host === null ? {} : { host });
      // Who may read an answer is the site's to say, so that it is the same for all here.
      const isAnswered = settings.cors !== undefined && isRead;
      const said = isAnswered ? passed.filter(([field]) => field !== "origin") : passed;
      const sentFields: FieldList = [...said, ["accept-encoding", codings]];
      if (run === undefined || !isRead) return sentFields;
      const { path, query } = target;
      return run.fetch({ method: "GET", path, query }, sentFields);
    },
    selecting: () => (policy.isPublished ? [] : selectingList(fieldList(), fields, policy)),
  };
}

/** RFC 9110 §14.2: of all methods Range means something to GET alone; a HEAD with one is answered as without. */
function withoutRange({ fields, fieldList }: RequestFields): RequestFields {
  if (!fields.has("range")) return { fields, fieldList };
  const kept = fieldList().filter(([name]) => name !== "range" && name !== "if-range");
  return { fields: linesOf(kept), fieldList: () => kept };
}

interface Ruled {
  readonly request: FieldLines;
  readonly path: string;
  readonly rule: LifetimeRuling | null;
}

/** What is said of a response by its site, for the decision whether it is stored. */
export function ruledExchange<T extends { readonly status: number; readonly fields: FieldList }>(
  { settings, target, fields: request }: AskedContent,
  reply: T & { readonly rule?: LifetimeRuling },
): T & Ruled {
  const { status, fields } = reply;
  const { path } = target;
  const contentType = linesOf(fields).get("content-type");
  const rule = reply.rule ?? ruleOf(settings.rules, { path, status, contentType });
  // The site says who may read an answer: the upstream was not told who asks, and what it says is left out.
  const said = settings.cors === undefined ? fields : fields.filter(([name]) => !isOfCors(name));
  return { ...reply, fields: said, request, path, rule };
}

/** Evaluated here, against what is stored; sent on, they would be about the wrong response. */
const CONDITIONS: ReadonlySet<string> = new Set([
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
]);
/** Of those, what a part that is asked for as such depends on. */
const CONDITIONS_OF_PARTS: ReadonlySet<string> = new Set([
  "if-match",
  "if-range",
  "if-unmodified-since",
]);
/** A client must not make the upstream's own caches work (RFC 9111 §5.2.1). */
const RELOADS: ReadonlySet<string> = new Set(["cache-control", "pragma"]);

/**
 * Makes the fields of a GET that the cache sends for a request.
 *
 * @param isPart  The request's Range goes on: the answer is for this request alone, or is stored as a part.
 */
export function lookupFields(asked: AskedContent, isPart: boolean): FieldList {
  return asked.forwarded().filter(([name]) => {
    if (CONDITIONS.has(name)) return isPart && CONDITIONS_OF_PARTS.has(name);
    if (name === "range") return isPart;
    return asked.policy.obeysClient || !RELOADS.has(name);
  });
}
