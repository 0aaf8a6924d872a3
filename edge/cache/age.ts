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
  // Also of a list that is not understood the first member counts: better too old than too young.
  const [first = ""] = (fields.get("age") ?? "").split(",", 1);
  const ageValueMs = (parseDeltaSeconds(first.trim()) ?? 0) * 1000;
  const correctedAgeValueMs = ageValueMs + responseDelayMs;
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

/**
 * Reads the Age that a response came with; null: it has none, or not one that can be understood.
 *
 * RFC 9111 §5.1: of a list the first member counts. The runtime joins lines with ", ", so that a list
 * with a space may have been two lines, of which nobody knows whose is right: that is not understood.
 */
export function ageSecondsOf(fields: FieldLines): number | null {
  const first = /^([^,]*)(?:,(?! ).*)?$/.exec(fields.get("age")?.trim() ?? "")?.[1];
  return parseDeltaSeconds(first?.trim() ?? "");
}
