// How do a Worker's bindings become a configuration? Parsed once an isolate; what is missing is
// named, what is wrong is refused with the name of the variable.

import { LOGGED } from "../../doors/access-log.ts";
import * as z from "zod/mini";
import { DEFAULT_QUOTA, type ClassQuota } from "../buffer/quota.ts";
import { deployedRules } from "../../state/config.ts";
import { TIERS, USUAL_TIERS } from "../absent-tiers.ts";
import { EVICTIONS } from "../cache/eviction/policies.ts";
import type { EdgeConfig } from "../config.ts";
import { limits } from "../limits.ts";
import type { ContentCell } from "../objects/content-cell.ts";
import type { DeviceHub } from "../objects/device-hub.ts";
import type { RegionCell } from "../objects/region-cell.ts";

/** The bindings of wrangler.toml, or of a workerd configuration. */
export interface EdgeEnv {
  readonly DEVICE_HUB: DurableObjectNamespace<DeviceHub>;
  readonly CONTENT_CELL: DurableObjectNamespace<ContentCell>;
  readonly REGION_CELL: DurableObjectNamespace<RegionCell>;
  /** Where bodies go that are too large for a cell; not bound: they are only passed on. */
  readonly BODIES?: R2Bucket;
  readonly [name: string]: unknown;
}

/** Base64url of at least 32 bytes; a length of 4n + 1 is none. */
const LINK_KEY = /^(?=.{43})(?:[A-Za-z0-9_-]{4})+(?:[A-Za-z0-9_-]{2,3})?$/;
const NAME = /^[a-z0-9-]{1,32}$/;
/** A region numbers its purges under its name, and the origin under its own. */
const REGION_NAME = /^(?!origin$)[a-z0-9-]{1,32}$/;
const HTTP_URL = /^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/;
/** Names of fields in lower case, and how many of an upstream. */
const FIELD_NAME = /^[a-z0-9-]{1,128}$/;
const UPSTREAM_FIELDS_MAX = 64;
const degrees = (most: number) => z.number().check(z.gte(-most), z.lte(most));
const json = <T>(schema: z.ZodMiniType<T>) =>
  z.pipe(z.pipe(z.string(), z.transform(parseJson)), schema);

const orNull = <T>(schema: z.ZodMiniType<T>) => z._default(z.nullable(schema), null);

const placeSchema = z.object({
  country: z._default(z.nullable(z.string()), null),
  continent: z._default(z.nullable(z.string()), null),
  colo: z._default(z.nullable(z.string()), null),
  latitude: z._default(z.nullable(degrees(90)), null),
  longitude: z._default(z.nullable(degrees(180)), null),
});
const regionSchema = z.object({
  id: z.string().check(z.regex(REGION_NAME)),
  countries: z._default(z.array(z.string()), []),
  continents: z._default(z.array(z.string()), []),
  latitude: degrees(90),
  longitude: degrees(180),
  locationHint: z._default(z.nullable(z.string()), null),
});
const PER_SECOND = z.number().check(z.positive(), z.lte(10_000_000));
const QUOTA_BYTES = z.number().check(z.int(), z.gte(65_536), z.lte(8_589_934_592));
const AGE_SECONDS = orNull(z.number().check(z.int(), z.gte(60), z.lte(315_360_000)));
const bufferSchema = z.strictObject({
  bytes: z._default(QUOTA_BYTES, DEFAULT_QUOTA.bytesMax),
  ageSeconds: AGE_SECONDS,
  policy: z._default(z.enum(["reject", "thin", "drop-oldest", "drop-newest"]), "reject"),
  rollups: z._default(
    z.strictObject({
      bytes: z._default(QUOTA_BYTES, DEFAULT_QUOTA.rollups.bytesMax),
      ageSeconds: AGE_SECONDS,
    }),
    { bytes: DEFAULT_QUOTA.rollups.bytesMax, ageSeconds: null },
  ),
  events: z._default(z.strictObject({ bytes: QUOTA_BYTES }), {
    bytes: DEFAULT_QUOTA.events.bytesMax,
  }),
});
const varsSchema = z.object({
  REGION: orNull(z.string().check(z.regex(REGION_NAME))),
  REGIONS: z._default(json(z.array(regionSchema).check(z.minLength(1), z.maxLength(64))), []),
  PLACE: orNull(json(placeSchema)),
  ORIGIN_URL: z.string().check(z.regex(HTTP_URL)),
  SITES: z._default(json(z.record(z.string(), z.string().check(z.regex(NAME)))), { "*": "main" }),
  UPSTREAMS: z._default(
    json(
      z.record(
        z.string().check(z.regex(NAME)),
        z.strictObject({
          url: z.string().check(z.regex(HTTP_URL)),
          profile: z._default(z.enum(["safe", "rfc"]), "safe"),
          fields: z._default(
            z.array(z.string().check(z.regex(FIELD_NAME))).check(z.maxLength(UPSTREAM_FIELDS_MAX)),
            [],
          ),
        }),
      ),
    ),
    {},
  ),
  RULES: z._default(json(deployedRules), {}),
  EVICTION: z._default(z.enum(EVICTIONS), "probation"),
  CELL_BYTES: z._default(z.string().check(z.regex(/^[0-9]{7,10}$/)), String(limits.cellBytesMax)),
  BUCKET_BYTES: z._default(
    z.string().check(z.regex(/^[0-9]{7,15}$/)),
    String(limits.bucketBytesMax),
  ),
  LOG: z._default(z.enum(LOGGED), "all"),
  CHECKPOINTS: z._default(z.enum(["any-time", "at-rest"]), "any-time"),
  TIERS: z._default(json(z.array(z.enum(TIERS))), [...USUAL_TIERS]),
  HUBS: z._default(z.string().check(z.regex(/^(1|2|4|8|16|32|64|128|256)$/)), "1"),
  DEV: orNull(z.string()),
  API_HOSTS: z._default(json(z.array(z.string())), []),
  ISSUER_KEYS: orNull(json(z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) }))),
  LINK_KEY: orNull(z.string().check(z.regex(LINK_KEY))),
  DEVICE_ROOT_KEY: orNull(z.string().check(z.regex(LINK_KEY))),
  DEVICE_RATE: z._default(
    json(z.strictObject({ readings: orNull(PER_SECOND), requests: orNull(PER_SECOND) })),
    { readings: null, requests: null },
  ),
  BUFFER: z._default(json(bufferSchema), bufferSchema.parse({})),
  TRUSTED_ADDRESS_HEADER: orNull(z.string().check(z.regex(/^[a-z0-9-]{1,64}$/))),
  ADDRESS_RATE: orNull(json(PER_SECOND)),
  GRACE_SECONDS: z._default(z.string().check(z.regex(/^[0-9]{1,8}$/)), "604800"),
});

/** What each secret is for, as the 503 of a Worker without it says. */
const SECRETS: Record<string, string> = {
  ISSUER_KEYS: "the public keys (a JWK set) that device and operator tokens are checked with",
  LINK_KEY: "the key that frames between this edge and its origin are sealed with",
};

/** Parses the bindings. What is missing or wrong is listed in `missing`, never thrown. */
export function parseEdgeEnv(env: Readonly<Record<string, unknown>>): EdgeConfig {
  const given = Object.fromEntries(
    Object.keys(varsSchema.shape).map((name) => [name, present(env[name])]),
  );
  const absent = Object.entries(SECRETS)
    .filter(([name]) => given[name] === undefined)
    .map(([name, use]) => `${name} (${use})`);
  const parsed = varsSchema.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path, message }) => `${path.join(".")} (${message})`);
    return { ...UNUSABLE, missing: [...wrong, ...absent] };
  }
  const vars = parsed.data;
  return {
    pinnedRegion: vars.REGION,
    regions: vars.REGIONS,
    place: vars.PLACE,
    originUrl: vars.ORIGIN_URL.replace(/\/+$/, ""),
    sites: mapKeys(vars.SITES, lowerHost),
    upstreams: Object.fromEntries(
      Object.entries(vars.UPSTREAMS).map(([site, { url, profile, fields }]) => [
        site,
        { url: url.replace(/\/+$/, ""), profile, fields },
      ]),
    ),
    rules: vars.RULES,
    eviction: vars.EVICTION,
    logged: vars.LOG,
    checkpoints: vars.CHECKPOINTS,
    tiers: vars.TIERS,
    cellBytesMax: Number(vars.CELL_BYTES),
    bucketBytesMax: Number(vars.BUCKET_BYTES),
    content: {},
    hubs: Number(vars.HUBS),
    isDev: vars.DEV === "1",
    apiHosts: vars.API_HOSTS.map(lowerHost),
    issuerKeys: vars.ISSUER_KEYS === null ? null : JSON.stringify(vars.ISSUER_KEYS),
    linkKey: vars.LINK_KEY,
    deviceRootKey: vars.DEVICE_ROOT_KEY,
    graceMs: Number(vars.GRACE_SECONDS) * 1000,
    deviceRate: vars.DEVICE_RATE,
    buffer: {
      ...toQuota(vars.BUFFER),
      policy: vars.BUFFER.policy,
      rollups: toQuota(vars.BUFFER.rollups),
      events: { bytesMax: vars.BUFFER.events.bytes },
    },
    addressHeader: vars.TRUSTED_ADDRESS_HEADER,
    addressRate: vars.ADDRESS_RATE,
    missing:
      vars.ADDRESS_RATE !== null && vars.TRUSTED_ADDRESS_HEADER === null
        ? [...absent, UNTRUSTED]
        : absent,
  };
}

/** A limit that nothing would be counted by must not look as if there were one. */
const UNTRUSTED =
  "TRUSTED_ADDRESS_HEADER (the header that the proxy in front sets; ADDRESS_RATE counts by it)";

/** What is left when a variable is wrong: every door refuses and names it. */
const UNUSABLE: EdgeConfig = {
  pinnedRegion: null,
  regions: [],
  place: null,
  originUrl: "",
  sites: {},
  upstreams: {},
  rules: {},
  content: {},
  eviction: "probation",
  logged: "all",
  checkpoints: "any-time",
  tiers: USUAL_TIERS,
  cellBytesMax: limits.cellBytesMax,
  bucketBytesMax: limits.bucketBytesMax,
  hubs: 1,
  isDev: false,
  apiHosts: [],
  issuerKeys: null,
  linkKey: null,
  deviceRootKey: null,
  graceMs: 0,
  deviceRate: { readings: null, requests: null },
  buffer: DEFAULT_QUOTA,
  addressHeader: null,
  addressRate: null,
  missing: [],
};

function toQuota(given: {
  readonly bytes: number;
  readonly ageSeconds: number | null;
}): ClassQuota {
  const { bytes, ageSeconds } = given;
  return { bytesMax: bytes, ageMsMax: ageSeconds === null ? null : ageSeconds * 1000 };
}

function present(value: unknown): unknown {
  return value === null || value === "" ? undefined : value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Hosts are compared in lower case and without a port (RFC 9110 §4.2.3). */
function lowerHost(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}

function mapKeys<T>(
  record: Readonly<Record<string, T>>,
  map: (key: string) => string,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [map(key), value]));
}
