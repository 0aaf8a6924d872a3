// How may caches keep a published object? The Cache-Control of its PUT, if it makes sense.

import { deltaSecondsOf, parseCacheControl } from "../../http/cache-control.ts";
import { isFieldValue } from "../../http/fields.ts";

/** The policy of an object published without one: a minute, so that a change is soon everywhere. */
export const DEFAULT_CACHE_POLICY = "public, max-age=60";

const POLICY_CHARS_MAX = 256;
const DIRECTIVE_NAME = /^[a-z0-9-]{1,40}$/;
const LIFETIMES = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];

/** The policy to publish with, or what is wrong with the given one. */
export type CachePolicyDecision =
  | { readonly kind: "policy"; readonly reason: "given" | "default"; readonly policy: string }
  | {
      readonly kind: "refused";
      readonly reason: "too-long" | "malformed" | "bad-lifetime";
      readonly detail: string;
    };

/**
 * Decides an object's cache policy from the Cache-Control of the PUT; null or empty is the default.
 * Extension directives pass, because a cache must ignore what it does not know (RFC 9111 §5.2.3).
 */
export function decideCachePolicy(given: string | null): CachePolicyDecision {
  const policy = given?.trim() ?? "";
  if (policy === "") return { kind: "policy", reason: "default", policy: DEFAULT_CACHE_POLICY };
  if (policy.length > POLICY_CHARS_MAX) {
    return refused("too-long", `Cache-Control has more than ${POLICY_CHARS_MAX} characters`);
  }
  const control = parseCacheControl(policy);
  const names = [...control.directives.keys()];
  if (
    control.isMalformed ||
    !isFieldValue(policy) ||
    !names.every((name) => DIRECTIVE_NAME.test(name))
  ) {
    return refused(
      "malformed",
      'Cache-Control is not a list of directives such as "public, max-age=60"',
    );
  }
  const bad = LIFETIMES.find((name) => deltaSecondsOf(control, name).kind === "invalid");
  if (bad !== undefined) {
    return refused("bad-lifetime", `Cache-Control: ${bad} needs a whole number of seconds, once`);
  }
  return { kind: "policy", reason: "given", policy };
}

function refused(
  reason: Extract<CachePolicyDecision, { kind: "refused" }>["reason"],
  detail: string,
): CachePolicyDecision {
  return { kind: "refused", reason, detail };
}
