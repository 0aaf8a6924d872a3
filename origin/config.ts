// What does a deployment of the origin decide? platform/env.ts makes it from the bindings.

/** The origin's configuration, checked. */
export interface OriginConfig {
  /** Public keys of the token issuers, a JWK set as JSON; null if missing. */
  readonly issuerKeys: string | null;
  /** The private key that device credentials are signed with, a JWK as JSON; null if missing. */
  readonly issuerPrivateKey: string | null;
  /** The links' HMAC secret, base64url; null if missing. */
  readonly linkKey: string | null;
  /** What small devices' keys are derived from, base64url; null: no such keys are given out. */
  readonly deviceRootKey: string | null;
  readonly isDev: boolean;
  /** Names of secrets that are missing, each with what it is for. */
  readonly missing: readonly string[];
}
