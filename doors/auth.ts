// How does a door answer someone it does not let in? 401 without a usable token (RFC 6750 §3),
// 403 with a good token that does not reach this far.

import type { Problem } from "../http/problem.ts";
import type { TokenRefusal } from "./tokens.ts";

const DETAILS: Record<TokenRefusal["reason"], string> = {
  "no-token": "Send the header Authorization: Bearer <token>",
  "not-a-token":
    "The Authorization header does not hold a Skerry token: send Authorization: Bearer <token>",
  "wrong-key":
    "The token is not signed by an issuer that this deployment knows: ask the origin for a new one",
  expired: "The token has expired: ask the origin for a new one",
  "wrong-claims":
    "The token lacks what a device's or an operator's token must say: ask the origin for a new one",
};

/** Says 401 with the reason and what to send instead. */
export function unauthorized(refusal: TokenRefusal): Problem {
  const error = refusal.reason === "no-token" ? "" : `, error="invalid_token"`;
  return {
    code: `token-${refusal.reason}`,
    status: 401,
    title: "Not authenticated",
    detail: DETAILS[refusal.reason],
    headers: { "www-authenticate": `Bearer realm="skerry"${error}` },
  };
}

/** Says 403 with what the token would have to be. */
export function forbidden(detail: string): Problem {
  return { code: "forbidden", status: 403, title: "Not allowed", detail };
}

/** Says 503 with the names of the secrets that this Worker was deployed without. */
export function notConfigured(missing: readonly string[]): Problem {
  return {
    code: "not-configured",
    status: 503,
    title: "Not configured",
    detail: `Missing or not valid: ${missing.join("; ")}. Set them with "wrangler secret put NAME", or make a set for development with "npm run keys"`,
  };
}
