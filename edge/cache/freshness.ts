// How long does a response stay fresh? (RFC 9111 §4.2.1, §4.2.2.)

import { deltaSecondsOf, hasDirective, type DeltaSeconds } from "../../http/cache-control.ts";
import type { FieldLines } from "../../http/fields.ts";
import { parseHttpDate, parseLooseDate } from "../../http/http-date.ts";
import { ageSecondsOf } from "./age.ts";
import type { CachePolicy } from "./cache-policy.ts";
import { CAUSED_ERROR_S_MAX, decideCausedError } from "./caused-error.ts";
import type { Directives } from "./directives.ts";

/** Whole seconds of freshness counted from the response's generation, and the rule that said so. */
export interface FreshnessLifetime {
  readonly seconds: number;
  readonly reason:
    | "s-maxage"
    | "max-age"
    | "expires"
    | "heuristic"
    | "invalid-freshness"
    | "no-explicit-freshness";
}

/** What a lifetime is computed from. */
export interface Freshening {
  readonly status: number;
  readonly fields: FieldLines;
  readonly directives: Directives;
  /** As in `Exchange`. */
  readonly isPlain?: boolean;
  /** When the response arrived; stands in for a missing Date (RFC 9110 §6.6.1). */
  readonly responseMs: number;
}

/** The statuses that may be kept without explicit freshness (RFC 9110 §15.1). */
const HEURISTIC: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501,
]);
/** Of the age that Last-Modified shows; RFC 9111 §4.2.2 suggests a tenth. */
const HEURISTIC_SHARE = 0.1;
/** A day: longer is for whoever publishes to say. */
const HEURISTIC_S_MAX = 86_400;
/** Of an error, which an odd request may have caused. */
const HEURISTIC_ERROR_S_MAX = 10;

/**
 * Computes the freshness lifetime of a response for a shared cache.
 *
 * First match wins: `s-maxage`, `max-age`, `Expires` minus `Date`, then a heuristic. With a targeted
 * field `Expires` and the heuristic do not count. An unparsable value, and under most policies a
 * repeated one, makes it 0 and ends the search: a cache that is unsure must ask.
 *
 * @param secondsMax  Longest lifetime that is believed; of an error that an odd request may have caused
 *                    it is `CAUSED_ERROR_S_MAX`.
 */
export function freshnessLifetime(
  response: Freshening,
  policy: CachePolicy,
  secondsMax: number,
): FreshnessLifetime {
  const isCaused = decideCausedError(response.status, response.isPlain ?? true) !== null;
  return lifetimeSaid(response, policy, isCaused ? CAUSED_ERROR_S_MAX : secondsMax);
}

function lifetimeSaid(
  response: Freshening,
  policy: CachePolicy,
  secondsMax: number,
): FreshnessLifetime {
  const { fields, responseMs } = response;
  const { control, from } = response.directives;
  // RFC 9111 §5.1 has an Age that is none ignored; how old the response is, is then not known.
  if (fields.has("age") && ageSecondsOf(fields) === null) {
    return { seconds: 0, reason: "invalid-freshness" };
  }
  for (const name of ["s-maxage", "max-age"] as const) {
    const given = deltaSecondsOf(control, name, policy.takesFirstLifetime);
    if (given.kind !== "absent") return lifetimeOf(given, name, secondsMax);
  }
  const expires = from === "cache-control" ? fields.get("expires") : null;
  if (expires === null) return heuristicLifetime(response, policy);
  const parseExpires = policy.takesLooseDates ? parseLooseDate : parseHttpDate;
  const expiresMs = parseExpires(expires, responseMs);
  // An invalid Expires, "0" above all, means already expired (RFC 9111 §5.3).
  if (expiresMs === null) return { seconds: 0, reason: "invalid-freshness" };
  const dateMs = parseHttpDate(fields.get("date"), responseMs) ?? responseMs;
  const seconds = Math.max(0, Math.floor((expiresMs - dateMs) / 1000));
  return { seconds: Math.min(seconds, secondsMax), reason: "expires" };
}

/** Tells whether a response may be kept for other reasons than explicit freshness (RFC 9111 §3). */
export function isHeuristicallyCacheable({ status, directives }: Freshening): boolean {
  return HEURISTIC.has(status) || hasDirective(directives.control, "public");
}

function heuristicLifetime(response: Freshening, policy: CachePolicy): FreshnessLifetime {
  const { fields, responseMs, status, directives } = response;
  const none = { seconds: 0, reason: "no-explicit-freshness" } as const;
  if (policy.isPublished || directives.from !== "cache-control") return none;
  if (!isHeuristicallyCacheable(response)) return none;
  const modifiedMs = parseHttpDate(fields.get("last-modified"), responseMs);
  const dateMs = parseHttpDate(fields.get("date"), responseMs) ?? responseMs;
  if (modifiedMs === null || modifiedMs > dateMs) return none;
  const seconds = Math.floor(((dateMs - modifiedMs) * HEURISTIC_SHARE) / 1000);
  const most = status >= 400 ? HEURISTIC_ERROR_S_MAX : HEURISTIC_S_MAX;
  return { seconds: Math.min(seconds, most), reason: "heuristic" };
}

function lifetimeOf(
  given: DeltaSeconds,
  name: "s-maxage" | "max-age",
  secondsMax: number,
): FreshnessLifetime {
  return given.kind === "seconds"
    ? { seconds: Math.min(given.seconds, secondsMax), reason: name }
    : { seconds: 0, reason: "invalid-freshness" };
}
