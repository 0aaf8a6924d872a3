// Can these keys be used? A key file is checked when it is read, so that a damaged one is a sentence
// about the file and not a start that fails somewhere else.

import { createPrivateKey, createPublicKey, type JsonWebKey } from "node:crypto";
import path from "node:path";
import { LaunchError } from "./launch-error.ts";

/** The secrets of one deployment, as the Workers' bindings want them. */
export interface Keys {
  /** The issuers' public keys: a JWK set (RFC 7517) as JSON. */
  readonly issuerKeys: string;
  /** The private key that tokens are signed with: a JWK as JSON. */
  readonly issuerPrivateKey: string;
  /** The links' HMAC secret: 32 random bytes, base64url. */
  readonly linkKey: string;
  /** What small devices' keys are derived from: 32 random bytes, base64url; empty: none are. */
  readonly deviceRootKey: string;
}

/** The Workers' own rule: at least 32 bytes, base64url. */
const LINK_KEY = /^(?=.{43})(?:[A-Za-z0-9_-]{4})+(?:[A-Za-z0-9_-]{2,3})?$/;
const VARIABLES = {
  issuerKeys: "ISSUER_KEYS",
  issuerPrivateKey: "ISSUER_PRIVATE_KEY",
  linkKey: "LINK_KEY",
  deviceRootKey: "DEVICE_ROOT_KEY",
} as const;

type Field = keyof typeof VARIABLES;

/** Reads the text of keys.json or of a .dev.vars, or says which field is wrong and what to do. */
export function checkKeys(file: string, text: string): Keys {
  const isJson = path.extname(file) === ".json" || text.trimStart().startsWith("{");
  const refuse = (what: string): never => {
    const fix = isJson
      ? "remove it, or start with --reset, to get new keys"
      : 'replace it with "npm run keys -- --force"';
    throw new LaunchError(`The key file ${file} cannot be used: ${what}; ${fix}`);
  };
  const found = isJson ? parseJson(text) : parseVars(text);
  if (found === null) return refuse("it is not a JSON object");
  const named = (field: Field) => (isJson ? field : VARIABLES[field]);
  const valueOf = (field: Field) => {
    const value = found[field];
    if (typeof value === "string" && value !== "") return value;
    return refuse(`${named(field)} is missing`);
  };

  const issuerKeys = valueOf("issuerKeys");
  const issuers = publicKeysOf(issuerKeys);
  if (issuers === null) return refuse(`${named("issuerKeys")} is not a set of Ed25519 public keys`);
  const secretOf = (field: Field) => {
    const value = valueOf(field);
    return LINK_KEY.test(value) ? value : refuse(`${named(field)} is not 32 bytes in base64url`);
  };
  const linkKey = secretOf("linkKey");
  // Files of before have none.
  const deviceRootKey = isLeftOut(found.deviceRootKey) ? "" : secretOf("deviceRootKey");
  // An edge's file has none.
  if (!isJson && isLeftOut(found.issuerPrivateKey))
    return { issuerKeys, issuerPrivateKey: "", linkKey, deviceRootKey };
  const issuerPrivateKey = valueOf("issuerPrivateKey");
  const issuer = publicPartOf(issuerPrivateKey);
  const name = named("issuerPrivateKey");
  if (issuer === null) return refuse(`${name} is not an Ed25519 private key`);
  if (!issuers.includes(issuer)) return refuse(`${name} belongs to none of the public keys`);
  return { issuerKeys, issuerPrivateKey, linkKey, deviceRootKey };
}

function isLeftOut(value: unknown): boolean {
  return value === undefined || value === "";
}

function parseVars(text: string): Partial<Keys> {
  const value = (name: string) => new RegExp(`^${name}='([^'\\n]*)'$`, "m").exec(text)?.[1];
  const found = Object.entries(VARIABLES).map(([field, name]) => [field, value(name)] as const);
  return Object.fromEntries(found.filter(([, held]) => held !== undefined));
}

/** The object that `text` is in JSON; null if it is none. */
function parseJson(text: string): Partial<Record<string, unknown>> | null {
  try {
    const found: unknown = JSON.parse(text);
    const isObject = typeof found === "object" && found !== null && !Array.isArray(found);
    return isObject ? (found as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The public keys of a set, null if it is none or one of them is not sound. */
function publicKeysOf(text: string): string[] | null {
  const keys = parseJson(text)?.["keys"];
  if (!Array.isArray(keys) || keys.length === 0) return null;
  const found = keys.map((key) => {
    try {
      return pointOf(createPublicKey({ key: key as JsonWebKey, format: "jwk" }));
    } catch {
      return null;
    }
  });
  return found.every((point) => point !== null) ? found : null;
}

/** The public key that belongs to a private one, null if it is no private key. */
function publicPartOf(text: string): string | null {
  try {
    const key = createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: "jwk" });
    return pointOf(createPublicKey(key));
  } catch {
    return null;
  }
}

function pointOf(key: ReturnType<typeof createPublicKey>): string | null {
  const { crv, x } = key.export({ format: "jwk" });
  return crv === "Ed25519" && x !== undefined ? x : null;
}
