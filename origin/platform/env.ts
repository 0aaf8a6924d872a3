// How do the origin's bindings become a configuration? What is missing or wrong is named.

import * as z from "zod/mini";
import type { OriginConfig } from "../config.ts";
import type { DeviceShard } from "../objects/device-shard.ts";
import type { Registry } from "../objects/registry.ts";

/** The bindings of origin/wrangler.toml. */
export interface OriginEnv {
  readonly DEVICE_SHARD: DurableObjectNamespace<DeviceShard>;
  readonly REGISTRY: DurableObjectNamespace<Registry>;
  readonly CONTENT: R2Bucket;
  readonly [name: string]: unknown;
}

/** Base64url of at least 32 bytes; a length of 4n + 1 is none. */
const LINK_KEY = /^(?=.{43})(?:[A-Za-z0-9_-]{4})+(?:[A-Za-z0-9_-]{2,3})?$/;
const jsonText = (schema: z.ZodMiniType<unknown>) =>
  z
    .string()
    .check(
      z.refine((text) => schema.safeParse(parseJson(text)).success, "not the JSON it has to be"),
    );

const varsSchema = z.object({
  ISSUER_KEYS: z.optional(
    jsonText(z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) })),
  ),
  ISSUER_PRIVATE_KEY: z.optional(
    jsonText(z.looseObject({ kty: z.string(), d: z.string(), kid: z.string() })),
  ),
  LINK_KEY: z.optional(z.string().check(z.regex(LINK_KEY))),
  DEVICE_ROOT_KEY: z.optional(z.string().check(z.regex(LINK_KEY))),
  DEV: z.optional(z.string()),
});

const SECRETS: Record<string, string> = {
  ISSUER_KEYS: "the public keys (a JWK set) that tokens are checked with",
  ISSUER_PRIVATE_KEY: "the private key (a JWK with kid) that device credentials are signed with",
  LINK_KEY: "the key that frames between the edges and this origin are sealed with",
};

/** Parses the bindings. What is missing or wrong is listed in `missing`, never thrown. */
export function parseOriginEnv(env: Readonly<Record<string, unknown>>): OriginConfig {
  const given = Object.fromEntries(
    Object.keys(varsSchema.shape).map((name) => [
      name,
      env[name] === null || env[name] === "" ? undefined : env[name],
    ]),
  );
  const parsed = varsSchema.safeParse(given);
  const vars = parsed.success ? parsed.data : null;
  const wrong = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join(".")} (${issue.message})`);
  const absent = Object.entries(SECRETS).filter(([name]) => given[name] === undefined);
  return {
    issuerKeys: vars?.ISSUER_KEYS ?? null,
    issuerPrivateKey: vars?.ISSUER_PRIVATE_KEY ?? null,
    linkKey: vars?.LINK_KEY ?? null,
    deviceRootKey: vars?.DEVICE_ROOT_KEY ?? null,
    isDev: given["DEV"] === "1" && vars !== null,
    missing: [...wrong, ...absent.map(([name, use]) => `${name} (${use})`)],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
