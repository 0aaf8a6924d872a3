// Which keys does a deployment on this machine have, and how is a token made with them? An Ed25519
// issuer key pair and a link key, kept with mode 0600, and tokens as doors/tokens.ts verifies them.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from "jose";
import {
  DEVICE_TOKEN_TYPE,
  OPERATOR_TOKEN_TYPE,
  PREFIX,
  SITE,
  SCOPES,
  TOKEN_ISSUER,
  type Scope,
} from "../../doors/claims.ts";
import { checkKeys, type Keys } from "./key-file.ts";
import { LaunchError } from "./launch-error.ts";

export type { Keys };

const DAY_S = 86_400;
export const TOKEN_DAYS = 30;

/** Draws an issuer's key pair. */
export async function drawIssuer(): Promise<{ publicKey: JWK; privateKey: JWK }> {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const kid = randomBytes(8).toString("hex");
  const named = { kid, alg: "EdDSA", use: "sig" };
  return {
    publicKey: { ...(await exportJWK(pair.publicKey)), ...named },
    privateKey: { ...(await exportJWK(pair.privateKey)), ...named },
  };
}

/** Draws new keys. */
export async function drawKeys(): Promise<Keys> {
  const { publicKey, privateKey } = await drawIssuer();
  return {
    issuerKeys: JSON.stringify({ keys: [publicKey] }),
    issuerPrivateKey: JSON.stringify(privateKey),
    linkKey: randomBytes(32).toString("base64url"),
    deviceRootKey: randomBytes(32).toString("base64url"),
  };
}

/** Reads the keys of a state directory, or draws and keeps them: tokens outlive a restart. */
export async function keepKeys(file: string): Promise<Keys> {
  if (existsSync(file)) return readKeys(file);
  const keys = await drawKeys();
  writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  return keys;
}

/** Reads a key file: a launcher's keys.json, or the .dev.vars of a Worker. */
export function readKeys(file: string): Keys {
  if (!existsSync(file)) {
    throw new LaunchError(
      `There is no key file ${file}: make one with "npm run keys" or "npm start"`,
    );
  }
  return checkKeys(file, readFileSync(file, "utf8"));
}

/** Writes keys as the variables of a Worker for wrangler dev; the edge gets no private key. */
export function formatVars(keys: Keys, worker: "edge" | "origin"): string {
  const lines = [`ISSUER_KEYS='${keys.issuerKeys}'`, `LINK_KEY='${keys.linkKey}'`];
  if (keys.deviceRootKey !== "") lines.push(`DEVICE_ROOT_KEY='${keys.deviceRootKey}'`);
  if (worker === "origin") lines.push(`ISSUER_PRIVATE_KEY='${keys.issuerPrivateKey}'`);
  return `${lines.join("\n")}\n`;
}

/** What a device's token is for; what is left out is not limited. */
export interface TokenGrant {
  readonly prefixes?: readonly string[];
  /** Readings a second. */
  readonly rate?: number;
}

/** Makes a device's token of generation 1. */
export async function mintDeviceToken(
  keys: Keys,
  device: string,
  days = TOKEN_DAYS,
  grant: TokenGrant = {},
): Promise<string> {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(device)) {
    throw new LaunchError(`"${device}" is not a device name: use 1 to 64 of A-Z a-z 0-9 . _ -`);
  }
  const wrong = grant.prefixes?.find((prefix) => !PREFIX.test(prefix));
  if (wrong !== undefined)
    throw new LaunchError(`"${wrong}" begins no stream's name: use a-z, then a-z 0-9 _`);
  return sign(keys, DEVICE_TOKEN_TYPE, device, { gen: 1, ...grant }, days);
}

/** Makes an operator's token. */
export async function mintOperatorToken(
  keys: Keys,
  name: string,
  scopes: readonly Scope[],
  days = TOKEN_DAYS,
  sites?: readonly string[],
): Promise<string> {
  const wrong = sites?.find((site) => !SITE.test(site));
  if (wrong !== undefined)
    throw new LaunchError(`"${wrong}" is not a site's name: use a-z 0-9 -, 32 at most`);
  const own = sites === undefined ? {} : { sites };
  return sign(keys, OPERATOR_TOKEN_TYPE, name, { scope: scopes.join(" "), ...own }, days);
}

/** Reads a list of scopes as an operator's token holds them. */
export function parseScopes(text: string): readonly Scope[] {
  const named = text.split(/[\s,]+/).filter((word) => word !== "");
  const unknown = named.find((word) => !SCOPES.some((scope) => scope === word));
  if (unknown !== undefined || named.length === 0) {
    throw new LaunchError(`"${unknown ?? text}" is not a scope: use ${SCOPES.join(", ")}`);
  }
  return SCOPES.filter((scope) => named.includes(scope));
}

async function sign(
  keys: Keys,
  type: string,
  subject: string,
  claims: Record<string, string | number | readonly string[]>,
  days: number,
): Promise<string> {
  if (keys.issuerPrivateKey === "") {
    throw new LaunchError(
      `These keys have no ISSUER_PRIVATE_KEY: use the origin's, not the edge's`,
    );
  }
  const jwk = JSON.parse(keys.issuerPrivateKey) as JWK;
  const nowS = Math.floor(Date.now() / 1000);
  return new SignJWT(claims)
    .setProtectedHeader({
      alg: "EdDSA",
      typ: type,
      ...(jwk.kid === undefined ? {} : { kid: jwk.kid }),
    })
    .setIssuer(TOKEN_ISSUER)
    .setSubject(subject)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + Math.round(days * DAY_S))
    .sign(await importJWK(jwk, "EdDSA"));
}
