// May a request for a WebSocket pass to a site's upstream, and as what? Nothing of it is cached, so all
// that counts is where it goes and what of the client's fields goes along.

import { forwardedFields, loopsOf } from "../http/forwarding.ts";
import type { FieldList } from "../http/fields.ts";
import type { Problem } from "../http/problem.ts";
import { decideTarget } from "./cache/cache-key.ts";
import { badFields, badTarget, loopDetected } from "./cache/problems.ts";
import { guardRequest } from "./cache/request-guard.ts";
import type { ContentRequest, ContentSite } from "./content-ports.ts";
import { limits } from "./limits.ts";

/** Pass it, or why not; `none`: it is no request for a WebSocket, or the site has no upstream. */
export type UpgradeDecision =
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly problem: Problem }
  | { readonly kind: "pass"; readonly target: string; readonly fields: FieldList };

/** The runtime makes these for its own handshake (RFC 6455 §4.1). */
const OWN_HANDSHAKE: ReadonlySet<string> = new Set([
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-version",
]);

/** Decides about a request for a WebSocket (RFC 6455 §4.2.1). */
export function decideUpgrade(
  request: ContentRequest<unknown>,
  site: ContentSite | null,
): UpgradeDecision {
  const { method, fields, rawTarget, arrival } = request;
  const isAsked = method === "GET" && fields.get("upgrade")?.toLowerCase() === "websocket";
  if (!isAsked || site === null || site.policy.isPublished) return { kind: "none" };
  if (loopsOf(fields.get("cdn-loop")) > limits.proxyLoopsMax) {
    return { kind: "refused", problem: loopDetected() };
  }
  const target = decideTarget(rawTarget);
  if (target.kind === "refused") {
    return { kind: "refused", problem: badTarget(target.reason, target.detail) };
  }
  const guard = guardRequest(request.fieldList());
  if (guard.kind === "refused") return { kind: "refused", problem: badFields(guard) };
  const passed = forwardedFields(request.fieldList(), arrival);
  return {
    kind: "pass",
    target: target.path + target.query,
    fields: passed.filter(([name]) => !OWN_HANDSHAKE.has(name)),
  };
}
