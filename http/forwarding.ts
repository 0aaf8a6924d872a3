// Which fields does a proxy add, and which does it keep from the next hop? Via (RFC 9110 §7.6.3),
// CDN-Loop (RFC 8586), Forwarded (RFC 7239); and what a client may not say in a proxy's place.

import { HOP_BY_HOP, linesOf, type FieldLines, type FieldList } from "./fields.ts";

/** This program's name in Via and CDN-Loop. */
export const PROXY_NAME = "skerry";

/** Said by proxies about the client; from a client they are invention, and unkeyed. */
const SPOKEN_FOR: ReadonlySet<string> = new Set([
  "base-url",
  "client-cert",
  "client-cert-chain",
  "client-ip",
  "forwarded",
  "front-end-https",
  "http-host",
  "path-info",
  "proxy",
  "request-uri",
  "script-name",
  "true-client-ip",
  "x-base-url",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-host",
  "x-method-override",
  "x-path-info",
  "x-proto",
  "x-real-host",
  "x-real-ip",
  "x-request-uri",
  "x-scheme",
  "x-script-name",
  "x-server-name",
  "x-url",
  "x-url-scheme",
]);
const SPOKEN_FOR_PREFIXES = [
  "cf-",
  "fastly-",
  "skerry-",
  "x-accel-",
  "x-appengine-",
  "x-arr-",
  "x-azure-",
  "x-envoy-",
  "x-forwarded",
  "x-http-",
  "x-middleware-",
  "x-ms-original-",
  "x-nextjs-",
  "x-original-",
  "x-proxy-",
  "x-rewrite-",
  "x-sendfile-",
  "x-ssl",
];
/**
 * RFC 9110 §16.3.2.1: letters, digits and hyphens. A server that hands fields on as variables (CGI, WSGI,
 * Rack, PHP) writes any other character as it writes a hyphen: `x_forwarded_host` would be what is dropped
 * above, and `accept_language` what a variant is not selected by.
 */
const PLAIN_NAME = /^[a-z0-9-]+$/;
/** Made by whoever sends the request on. */
const REMADE: ReadonlySet<string> = new Set([
  "accept-encoding",
  "cdn-loop",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "via",
]);
/** What Connection may not take out of a request: a guard, or what a cache is asked for, would go with it. */
const NOT_NOMINATED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "authorization",
  "cache-control",
  "cdn-loop",
  "cookie",
  "host",
  "range",
  "traceparent",
  "via",
]);

/** Where a request came in. */
export interface Arrival {
  /** The authority as the client gave it. */
  readonly host: string;
  readonly scheme: "http" | "https";
}

/** What of a request's arrival the next hop is told. */
export type Told = Partial<Arrival>;

/** The fields of a request, to look up and as a list. */
export interface RequestFields {
  readonly fields: FieldLines;
  readonly fieldList: () => FieldList;
}

/**
 * Takes out of a request what its Connection nominates (RFC 9110 §7.6.1), before anything is decided by
 * it: a field that the upstream does not get must not select what is stored (P4).
 */
export function endNominated({ fields, fieldList }: RequestFields): RequestFields {
  const options = fields.get("connection")?.toLowerCase().split(",") ?? [];
  const nominated = new Set(options.map((option) => option.trim()).filter(mayNominate));
  if (nominated.size === 0) return { fields, fieldList };
  const kept = fieldList().filter(([name]) => !nominated.has(name));
  return { fields: linesOf(kept), fieldList: () => kept };
}

function mayNominate(name: string): boolean {
  const isField = name !== "" && name !== "close";
  return isField && !NOT_NOMINATED.has(name) && !name.startsWith("if-");
}

/**
 * Picks what of a client's request goes on, and adds what a proxy says. What Connection nominates is
 * taken out before, by `endNominated`.
 *
 * @param told  Must not differ between requests that one stored response answers: an upstream that
 *              repeats it would say to everybody what one has sent.
 */
export function forwardedFields(list: FieldList, told: Told): FieldList {
  const kept = list.filter(([name]) => !isDropped(name));
  const loop = list.find(([name]) => name === "cdn-loop")?.[1];
  const via = list.find(([name]) => name === "via")?.[1];
  return [
    ...kept,
    ["forwarded", forwardedOf(told)],
    ["via", joined(via, `1.1 ${PROXY_NAME}`)],
    ["cdn-loop", joined(loop, PROXY_NAME)],
  ];
}

function forwardedOf({ host, scheme }: Told): string {
  const named = host === undefined ? "" : `;host="${host}"`;
  return `for=unknown${named}${scheme === undefined ? "" : `;proto=${scheme}`}`;
}

/** Counts how often a request has been here already (RFC 8586 §2). */
export function loopsOf(cdnLoop: string | null): number {
  const members = (cdnLoop ?? "").split(",").map((member) => member.split(";", 1)[0]?.trim());
  return members.filter((name) => name?.toLowerCase() === PROXY_NAME).length;
}

function isDropped(name: string): boolean {
  if (!PLAIN_NAME.test(name) || HOP_BY_HOP.has(name) || SPOKEN_FOR.has(name) || REMADE.has(name))
    return true;
  return SPOKEN_FOR_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function joined(before: string | undefined, last: string): string {
  return before === undefined ? last : `${before}, ${last}`;
}
