// How old is a response? (RFC 9111 §4.2.3.) Milliseconds throughout, seconds only where a field
// carries them.

import { parseDeltaSeconds } from "../../http/cache-control.ts";
import type { FieldLines } from "../../http/fields.ts";
import { parseHttpDate } from "../../http/http-date.ts";

/**
 * Computes the corrected initial age: the larger of what Date and what Age plus the response delay
 * say. Date counts whole seconds, so the clock is floored to them before it is compared.
 *
 * @param requestMs   When the request that brought the response was sent.
 * @param responseMs  When the response arrived.
 * @returns Milliseconds >= 0.
 */
export function correctedInitialAgeMs(
  fields: FieldLines,
  requestMs: number,
  responseMs: number,
): number {
  const dateMs = parseHttpDate(fields.get("date"), responseMs) ?? responseMs;
  const apparentAgeMs = Math.max(0, Math.floor(responseMs / 1000) * 1000 - dateMs);
  const responseDelayMs = Math.max(0, responseMs - requestMs);
  const correctedAgeValueMs = ageValueMs(fields) + responseDelayMs;
  return Math.max(apparentAgeMs, correctedAgeValueMs);
}

/** Computes the current age; a clock that stepped back adds nothing. Milliseconds >= 0. */
export function currentAgeMs(
  stored: { readonly initialAgeMs: number; readonly responseMs: number },
  nowMs: number,
): number {
  const residentTimeMs = Math.max(0, nowMs - stored.responseMs);
  return stored.initialAgeMs + residentTimeMs;
}

/** Age is its first list member, and counts for nothing unless that is digits (RFC 9111 §5.1). */
function ageValueMs(fields: FieldLines): number {
  const first = fields.get("age")?.split(",", 1)[0]?.trim() ?? "";
  return (parseDeltaSeconds(first) ?? 0) * 1000;
}
