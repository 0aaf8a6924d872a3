// How does a device get its credential? A JWT signed with the issuer's private key; any edge checks
// it with the public one.

import { importJWK, SignJWT, type JWK } from "jose";
import { DEVICE_TOKEN_TYPE, TOKEN_ISSUER } from "../../doors/claims.ts";
import type { RegisteredDevice } from "../fleet/device.ts";

export interface Credential {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expiresMs: number;
}

/** What a credential is for, beside its device and generation; what is left out is not limited. */
export interface CredentialGrant {
  readonly scope?: string | undefined;
  readonly prefixes?: readonly string[] | undefined;
  /** Readings a second. */
  readonly rate?: number | undefined;
}

/** Signs a device's credential for `lifetimeS` seconds from `nowMs` on. */
export async function signCredential(
  privateKey: string,
  device: RegisteredDevice,
  lifetimeS: number,
  nowMs: number,
  grant: CredentialGrant = {},
): Promise<Credential> {
  const jwk = JSON.parse(privateKey) as JWK;
  const issuedS = Math.floor(nowMs / 1000);
  const token = await new SignJWT({ gen: device.generation, ...grant })
    .setProtectedHeader({ alg: "EdDSA", typ: DEVICE_TOKEN_TYPE, kid: jwk.kid ?? "" })
    .setIssuer(TOKEN_ISSUER)
    .setSubject(device.device)
    .setIssuedAt(issuedS)
    .setExpirationTime(issuedS + lifetimeS)
    .sign(await importJWK(jwk, "EdDSA"));
  return { token, expiresMs: (issuedS + lifetimeS) * 1000 };
}
