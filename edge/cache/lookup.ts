// Does a request use the cache at all? For what is published, whatever names a person goes past the
// cache both ways, neither served from it nor stored (P4). Only while the origin
// is away is it served what anyone else is (edge/bypass-content.ts). For any other server the stored
// response's own directives decide, when it is stored (edge/cache/storing.ts).

import type { FieldLines } from "../../http/fields.ts";
import type { CachePolicy } from "./cache-policy.ts";
import { demandsOf, type Demands } from "./demands.ts";

/** Use the cache, or go past it and why. */
export type LookupDecision =
  | { readonly kind: "lookup"; readonly reason: "shared"; readonly demands: Demands }
  | {
      readonly kind: "bypass";
      readonly reason:
        | "request-authorization"
        | "request-cookie"
        | "target-too-long"
        /** What the key depends on is not known. */
        | "hook-failed";
    };

/**
 * Decides whether a GET or HEAD is looked up.
 *
 * @param targetChars  Length of the canonical target; a longer one than `targetCharsMax` passes.
 */
export function decideLookup(
  request: FieldLines,
  policy: CachePolicy,
  targetChars: number,
  targetCharsMax: number,
): LookupDecision {
  if (policy.isPublished) {
    if (request.has("authorization")) return { kind: "bypass", reason: "request-authorization" };
    if (request.has("cookie")) return { kind: "bypass", reason: "request-cookie" };
  }
  if (targetChars > targetCharsMax) return { kind: "bypass", reason: "target-too-long" };
  return { kind: "lookup", reason: "shared", demands: demandsOf(request, policy) };
}
