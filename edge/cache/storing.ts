// May a response be stored? RFC 9111 §3, narrowed to the safe profile: GET, 200, explicit
// freshness, nothing that names a person or asks for a variant (P4). Decided on the fields as they
// came, before hop-by-hop fields are dropped, so that Connection cannot hide one.

import { hasDirective, parseCacheControl, type CacheControl } from "../../http/cache-control.ts";
import { isFieldValue, linesOf, type FieldLines, type FieldList } from "../../http/fields.ts";
import { correctedInitialAgeMs } from "./age.ts";
import { freshnessLifetime, type FreshnessLifetime } from "./freshness.ts";

/** A request and the response it brought. */
export interface Exchange {
  readonly method: string;
  readonly request: FieldLines;
  readonly status: number;
  readonly fields: FieldList;
  readonly requestMs: number;
  readonly responseMs: number;
}

/** Store, with what the stored response's later decisions need, or don't and why. */
export type StoringDecision =
  | {
      readonly kind: "store";
      readonly reason: FreshnessLifetime["reason"];
      readonly freshnessLifetimeS: number;
      readonly initialAgeMs: number;
      readonly staleForbiddenBy: string | null;
    }
  | { readonly kind: "pass"; readonly reason: StoringRefusal };

/** Why a response is not stored; appears as the detail of Cache-Status. */
export type StoringRefusal =
  | "method"
  | "request-authorization"
  | "request-cookie"
  | "request-range"
  | "status"
  | "no-store"
  | "private"
  | "no-cache"
  | "malformed-cache-control"
  | "set-cookie"
  | "vary"
  | "content-range"
  | "bad-field"
  | "invalid-freshness"
  | "no-explicit-freshness"
  | "no-freshness";

/**
 * Decides whether the response of an exchange is stored.
 *
 * Stricter: a response with `no-cache` could be stored and validated on each use (RFC 9111
 * §5.2.2.4); it is not, nor is one with Vary, Set-Cookie or a lifetime of 0.
 *
 * @param lifetimeSecondsMax  Longest lifetime that is believed.
 */
export function decideStoring(exchange: Exchange, lifetimeSecondsMax: number): StoringDecision {
  const fields = linesOf(exchange.fields);
  const control = parseCacheControl(fields.get("cache-control"));
  const refusal =
    refusalOfRequest(exchange) ??
    refusalOfControl(control) ??
    refusalOfFields(exchange.status, exchange.fields, fields);
  if (refusal !== null) return { kind: "pass", reason: refusal };
  const lifetime = freshnessLifetime(fields, exchange.responseMs, lifetimeSecondsMax);
  if (lifetime.reason === "invalid-freshness" || lifetime.reason === "no-explicit-freshness") {
    return { kind: "pass", reason: lifetime.reason };
  }
  if (lifetime.seconds <= 0) return { kind: "pass", reason: "no-freshness" };
  return {
    kind: "store",
    reason: lifetime.reason,
    freshnessLifetimeS: lifetime.seconds,
    initialAgeMs: correctedInitialAgeMs(fields, exchange.requestMs, exchange.responseMs),
    staleForbiddenBy: staleForbiddenBy(control),
  };
}

function refusalOfRequest({ method, request }: Exchange): StoringRefusal | null {
  if (method !== "GET") return "method";
  if (request.has("authorization")) return "request-authorization";
  if (request.has("cookie")) return "request-cookie";
  if (request.has("range")) return "request-range";
  return null;
}

function refusalOfControl(control: CacheControl): StoringRefusal | null {
  if (control.isMalformed) return "malformed-cache-control";
  if (hasDirective(control, "no-store")) return "no-store";
  // A field list (`private="x"`) is read as the bare directive, as RFC 9111 §5.2.2.7 allows.
  if (hasDirective(control, "private")) return "private";
  if (hasDirective(control, "no-cache")) return "no-cache";
  return null;
}

function refusalOfFields(
  status: number,
  list: FieldList,
  fields: FieldLines,
): StoringRefusal | null {
  if (status !== 200) return "status";
  if (fields.has("set-cookie")) return "set-cookie";
  if (fields.has("vary")) return "vary";
  if (fields.has("content-range")) return "content-range";
  return list.every(([, value]) => isFieldValue(value)) ? null : "bad-field";
}

/** RFC 9111 §4.2.4: these forbid a stale answer even while disconnected; s-maxage by §5.2.2.10. */
function staleForbiddenBy(control: CacheControl): string | null {
  const names = ["must-revalidate", "proxy-revalidate", "s-maxage"];
  return names.find((name) => hasDirective(control, name)) ?? null;
}
