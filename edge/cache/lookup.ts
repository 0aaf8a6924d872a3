// Does a request use the cache at all? The safe profile: whatever names a person, or asks for a
// part, goes past the cache both ways, neither served from it nor stored (P4). Only while the origin
// is away is it served what anyone else is (edge/bypass-content.ts).

import { hasDirective, parseCacheControl } from "../../http/cache-control.ts";
import type { FieldLines } from "../../http/fields.ts";

/** Use the cache, or go past it and why. */
export type LookupDecision =
  | { readonly kind: "lookup"; readonly reason: "shared"; readonly isOnlyIfCached: boolean }
  | {
      readonly kind: "bypass";
      readonly reason:
        | "request-authorization"
        | "request-cookie"
        | "request-range"
        | "target-too-long";
    };

/**
 * Decides whether a GET or HEAD is looked up.
 *
 * Deviation: a client's no-cache, no-store, max-age, max-stale and min-fresh (RFC 9111 §5.2.1) are
 * ignored, as is Pragma: on a public cache they let anyone make the origin work.
 *
 * @param targetChars  Length of the canonical target; a longer one than `targetCharsMax` passes.
 */
export function decideLookup(
  request: FieldLines,
  targetChars: number,
  targetCharsMax: number,
): LookupDecision {
  if (request.has("authorization")) return { kind: "bypass", reason: "request-authorization" };
  if (request.has("cookie")) return { kind: "bypass", reason: "request-cookie" };
  if (request.has("range")) return { kind: "bypass", reason: "request-range" };
  if (targetChars > targetCharsMax) return { kind: "bypass", reason: "target-too-long" };
  const control = parseCacheControl(request.get("cache-control"));
  return {
    kind: "lookup",
    reason: "shared",
    isOnlyIfCached: hasDirective(control, "only-if-cached"),
  };
}
