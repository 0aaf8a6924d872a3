// Which stored response may answer a request? One canonical target makes both the cache key and
// the upstream URL, so equal keys imply byte-identical upstream requests (P4).
//
// The path is normalised as RFC 3986 §6.2.2 allows: dot segments resolved, escapes in upper case,
// unreserved characters decoded. Case, `//`, a trailing slash and %2F stay. The query stays as it
// came; what may not stand in a URI is escaped in both.

/** A canonical target, or why there can be none. */
export type TargetDecision =
  | { readonly kind: "target"; readonly path: string; readonly query: string }
  | {
      readonly kind: "refused";
      readonly reason:
        | "not-a-path"
        | "control-character"
        | "backslash"
        | "fragment"
        | "not-decodable"
        | "bad-escape";
      readonly detail: string;
    };

/** A canonical path (with its leading slash) and query (with its "?", or empty). */
export type Target = Extract<TargetDecision, { kind: "target" }>;

/** pchar and "/" of RFC 3986 §3.3 but "%": what stands in a path unescaped. */
const NOT_IN_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu;
/** Of a query, "?" too; "'" not, because URL parsers escape it there. */
const NOT_IN_QUERY = /[^A-Za-z0-9\-._~!$&()*+,;=:@/%?]/gu;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const CONTROL_ESCAPE = /%(?:[01][0-9A-Fa-f]|7F)/i;
/** A target that is canonical as it came, unless its path has a dot segment: most are. */
const PLAIN_TARGET = /^\/[A-Za-z0-9\-._~!$&()*+,;=:@/]*(?:\?[A-Za-z0-9\-._~!$&()*+,;=:@/?]*)?$/;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/**
 * Decides the canonical target of a request.
 *
 * @param rawTarget  What follows the authority in the request's URL, as it came.
 */
export function decideTarget(rawTarget: string): TargetDecision {
  const at = rawTarget.indexOf("?");
  const rawPath = at < 0 ? rawTarget : rawTarget.slice(0, at);
  const rawQuery = at < 0 ? "" : rawTarget.slice(at);
  if (PLAIN_TARGET.test(rawTarget) && !rawPath.includes("/.")) {
    return { kind: "target", path: rawPath, query: rawQuery };
  }
  const refusal = refuse(rawTarget);
  if (refusal !== null) return refusal;
  if (CONTROL_ESCAPE.test(rawPath)) {
    return refused("control-character", "The path holds the escape of a control character");
  }
  const path = rawPath.replace(/%[0-9A-Fa-f]{2}/g, decodeUnreserved).replace(NOT_IN_PATH, escape);
  return {
    kind: "target",
    path: resolveDotSegments(path),
    query: rawQuery.replace(NOT_IN_QUERY, escape),
  };
}

/** A dot segment that an escaped separator bounds: of a canonical path no other is left. */
const HIDDEN_DOTS = /(?:^|\/|%2F|%5C)\.{1,2}(?=\/|%2F|%5C|$)/;

/**
 * Tells whether an upstream that decodes separators before it resolves dots would take a canonical path
 * for another one: `/static/..%2Faccount`.
 */
export function hasHiddenDots(path: string): boolean {
  return HIDDEN_DOTS.test(path);
}

/**
 * Makes the cache key. A site's name holds no "|", so keys of two sites never meet.
 *
 * @param parts What it depends on besides. A target holds no "#", so keys with and without never meet.
 */
export function cacheKeyOf(site: string, target: Target, parts: readonly string[] = []): string {
  const { path, query } = target;
  const key = `${site}|${path}${query}`;
  if (parts.length === 0) return key;
  // What is before the first "?" is what a purge of the URL means.
  const mark = query === "" ? "?##" : "#";
  return `${key}${mark}${parts.map(encodeURIComponent).join("&")}`;
}

/** Makes the path and query under which the origin serves a target. */
export function upstreamTargetOf(site: string, target: Target): string {
  return `/v1/sites/${site}/content${target.path}${target.query}`;
}

function refuse(rawTarget: string): TargetDecision | null {
  if (!rawTarget.startsWith("/"))
    return refused("not-a-path", 'The target does not begin with "/"');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(rawTarget)) {
    return refused("control-character", "The target holds a space or a control character");
  }
  if (rawTarget.includes("\\"))
    return refused("backslash", 'The target holds a "\\": escape it as %5C');
  if (rawTarget.includes("#"))
    return refused("fragment", 'The target holds a "#": escape it as %23');
  if (rawTarget.includes("\ufffd") || !rawTarget.isWellFormed()) {
    return refused("not-decodable", "The target holds bytes that are not UTF-8: escape them");
  }
  if (BAD_ESCAPE.test(rawTarget)) {
    return refused(
      "bad-escape",
      'The target holds a "%" without two hexadecimal digits: escape it as %25',
    );
  }
  return null;
}

function refused(
  reason: Extract<TargetDecision, { kind: "refused" }>["reason"],
  detail: string,
): TargetDecision {
  return { kind: "refused", reason, detail };
}

function decodeUnreserved(triplet: string): string {
  const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
  return UNRESERVED.test(char) ? char : triplet.toUpperCase();
}

function escape(char: string): string {
  return char === "'" ? "%27" : encodeURIComponent(char);
}

/** RFC 3986 §5.2.4, on a path that begins with "/". */
function resolveDotSegments(path: string): string {
  const segments = path.split("/").slice(1);
  const resolved: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === "..") resolved.pop();
    if (segment !== "." && segment !== "..") resolved.push(segment);
    else if (isLast) resolved.push("");
  }
  return `/${resolved.join("/")}`;
}
