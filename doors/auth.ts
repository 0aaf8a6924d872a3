// How does a door answer someone it does not let in? 401 without a usable token (RFC 6750 §3),
// 403 with a good token that does not reach this far.

import type { Problem } from "../http/problem.ts";
import type { SignatureRefusal } from "./signed-request.ts";
import type { TokenRefusal } from "./tokens.ts";

const DETAILS: Record<TokenRefusal["reason"], string> = {
  "no-token": "Send the header Authorization: Bearer <token>",
  "not-a-token":
    "The Authorization header does not hold a Skerry token: send Authorization: Bearer <token>",
  "wrong-key":
    "The token is not signed by an issuer that this deployment knows: ask the origin for a new one",
  expired: "The token has expired: ask the origin for a new one",
  "not-yet-valid": "The token is not valid yet: use it once the time of its claim nbf has come",
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

const SIGNATURE_DETAILS: Record<SignatureRefusal["reason"], string> = {
  "not-a-signature":
    'The Authorization header is Skerry-HMAC device="NAME", version=N, boot="ID", seq=N, mac="BASE64URL", each of them once, with a version and a seq from 1 and a MAC of 32 bytes',
  "no-digest":
    "A signed request has the header Content-Digest: sha-256=:BASE64: (RFC 9530) of its body as it is sent",
  "wrong-mac":
    "The MAC is not that of this request and this device's key: sign method, path with query, device, version, boot, seq and digest as docs/http-api.md says, with the key of that version",
  "wrong-digest": "The body is not the one whose Content-Digest was signed: sign it as it is sent",
  "not-here":
    "This door takes no signed requests: post to /v1/devices/{device}/readings, or use a token",
  "not-offered":
    "This deployment takes no signed requests, because it has no DEVICE_ROOT_KEY: use a token",
};

/** Says 401 to a signed request with what is wrong with its signature. */
export function wrongSignature(refusal: SignatureRefusal): Problem {
  return {
    code: `signature-${refusal.reason}`,
    status: 401,
    title: "Not authenticated",
    detail: SIGNATURE_DETAILS[refusal.reason],
    headers: { "www-authenticate": 'Skerry-HMAC realm="skerry"' },
  };
}

/** Says 403 with what the token would have to be. */
export function forbidden(detail: string): Problem {
  return { code: "forbidden", status: 403, title: "Not allowed", detail };
}

/** Says 401 to a device whose credential was replaced or withdrawn. */
export function credentialRevoked(device: string): Problem {
  return {
    code: "token-revoked",
    status: 401,
    title: "Not authenticated",
    detail: `This credential of device "${device}" has been revoked: give the device the one that was made at the origin since, or make one with POST /v1/devices/${device}/credentials there`,
    headers: { "www-authenticate": 'Bearer realm="skerry", error="invalid_token"' },
  };
}

/** Says 403 to a device that was switched off. */
export function deviceDisabled(device: string): Problem {
  return {
    code: "device-disabled",
    status: 403,
    title: "Not allowed",
    detail: `Device "${device}" is disabled: keep the readings, and send them once it has been enabled at the origin`,
  };
}

/** Says 503 while it is not known whether a device is revoked: whoever is must not get in (P8). */
export function denialUnknown(device: string): Problem {
  return {
    code: "denial-unknown",
    status: 503,
    title: "Not known yet",
    detail: `It cannot be told right now whether device "${device}" may post: keep the readings and send them again`,
    headers: { "retry-after": "1" },
  };
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
