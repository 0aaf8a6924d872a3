// What does a client's own Cache-Control ask of the cache? (RFC 9111 §5.2.1.) Only where the site's
// policy obeys it: on the open internet a reload must not make the upstream work. Pragma is deprecated
// (§5.4) and means nothing here.

import { deltaSecondsOf, hasDirective, parseCacheControl } from "../../http/cache-control.ts";
import type { FieldLines } from "../../http/fields.ts";
import type { CachePolicy } from "./cache-policy.ts";

/** What a request asks for; null: it does not. */
export interface Demands {
  readonly isOnlyIfCached: boolean;
  readonly isValidated: boolean;
  readonly maxAgeS: number | null;
  readonly minFreshS: number | null;
  /** How stale it takes; Infinity: however stale. */
  readonly maxStaleS: number | null;
}

/** Asks for nothing. */
export const NO_DEMANDS: Demands = {
  isOnlyIfCached: false,
  isValidated: false,
  maxAgeS: null,
  minFreshS: null,
  maxStaleS: null,
};

/** Reads what counts of a request's demands; only-if-cached always does, since it spares the upstream. */
export function demandsOf(request: FieldLines, policy: CachePolicy): Demands {
  const field = request.get("cache-control");
  if (field === null) return NO_DEMANDS;
  const control = parseCacheControl(field);
  const isOnlyIfCached = hasDirective(control, "only-if-cached");
  if (!policy.obeysClient) return { ...NO_DEMANDS, isOnlyIfCached };
  const seconds = (name: string): number | null => {
    const given = deltaSecondsOf(control, name, true);
    return given.kind === "seconds" ? given.seconds : null;
  };
  const isAnyStale = control.directives.get("max-stale")?.[0] === null;
  return {
    isOnlyIfCached,
    // What must not be stored is not looked for either.
    isValidated: hasDirective(control, "no-cache") || hasDirective(control, "no-store"),
    maxAgeS: seconds("max-age"),
    minFreshS: seconds("min-fresh"),
    maxStaleS: isAnyStale ? Infinity : seconds("max-stale"),
  };
}
