// What is added to each answer of a site? Fields that keep browsers safe, and who may read the answer from
// another origin. Stored responses have none of it: it is decided for the request that is answered.

import type { FieldLines, FieldList } from "../../http/fields.ts";
import type { CorsSetting, SecuritySetting, SiteSettings } from "../../state/site.ts";

/** The request that is answered. */
export interface Asking {
  readonly method: string;
  readonly fields: FieldLines;
  readonly scheme: "http" | "https";
}

const BASIC: FieldList = [
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "SAMEORIGIN"],
  ["referrer-policy", "strict-origin-when-cross-origin"],
];
const STRICT: FieldList = [
  ...BASIC.filter(([name]) => name !== "x-frame-options"),
  ["x-frame-options", "DENY"],
  ["content-security-policy", "default-src 'self'; base-uri 'self'; frame-ancestors 'none'"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  ["permissions-policy", "camera=(), geolocation=(), microphone=()"],
];
const PRESETS: Record<SecuritySetting["preset"], FieldList> = {
  none: [],
  basic: BASIC,
  strict: STRICT,
};
/** A year; RFC 6797 §7.2 forbids it where the request did not come over TLS. */
const TRANSPORT: FieldList[number] = ["strict-transport-security", "max-age=31536000"];

/** Adds a site's fields to those of an answer. */
export function withSiteFields(
  fields: FieldList,
  asking: Asking,
  { security, cors }: SiteSettings,
): FieldList {
  const secured = security === undefined ? fields : withSecurity(fields, asking, security);
  return cors === undefined ? secured : withCors(secured, asking.fields.get("origin"), cors);
}

/** The preset fills in what the upstream does not say; the site's own fields replace what it says. */
function withSecurity(
  fields: FieldList,
  { scheme }: Asking,
  { preset, fields: own }: SecuritySetting,
): FieldList {
  const transport = preset !== "none" && scheme === "https" ? [TRANSPORT] : [];
  const said = new Set(fields.map(([name]) => name));
  const filled = [...PRESETS[preset], ...transport].filter(
    ([name]) => !said.has(name) && !Object.hasOwn(own, name),
  );
  const kept = fields.filter(([name]) => !Object.hasOwn(own, name));
  const set = Object.entries(own).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return [...kept, ...filled, ...set];
}

/**
 * What the upstream says of CORS is left out: it may have been said to another origin. The answer depends
 * on Origin unless it is the same for all, and says so also to those that sent none.
 */
function withCors(fields: FieldList, origin: string | null, cors: CorsSetting): FieldList {
  const others = fields.filter(([name]) => !isOfCors(name));
  const isForAll = cors.origins.includes("*");
  const varied = isForAll ? others : withVary(others, "Origin");
  if (origin === null && !isForAll) return varied;
  if (!isForAll && !cors.origins.includes(origin ?? "")) return varied;
  const allowed: FieldList = [
    ["access-control-allow-origin", isForAll ? "*" : (origin ?? "*")],
    ...(cors.credentials ? [["access-control-allow-credentials", "true"] as const] : []),
    ...listed("access-control-expose-headers", cors.expose),
  ];
  return [...varied, ...allowed];
}

export function isOfCors(name: string): boolean {
  return name.startsWith("access-control-");
}

/** Adds a name to Vary, once (RFC 9110 §12.5.5). */
export function withVary(fields: FieldList, name: string): FieldList {
  const has = fields.some(
    ([field, value]) =>
      field === "vary" &&
      value.split(",").some((one) => ["*", name.toLowerCase()].includes(one.trim().toLowerCase())),
  );
  if (has) return fields;
  const at = fields.findIndex(([field]) => field === "vary");
  const before = fields[at]?.[1] ?? "";
  if (at < 0) return [...fields, ["vary", name]];
  return fields.map((field, index) => (index === at ? ["vary", `${before}, ${name}`] : field));
}

/** Answers the question whether a request may be made (CORS preflight); null: it is none. */
export function preflightFields(
  { method, fields }: Asking,
  cors: CorsSetting | undefined,
): FieldList | null {
  const isAsked =
    method === "OPTIONS" && fields.has("origin") && fields.has("access-control-request-method");
  if (cors === undefined || !isAsked) return null;
  const origin = fields.get("origin") ?? "";
  if (!cors.origins.includes("*") && !cors.origins.includes(origin)) return [];
  return [
    ...listed("access-control-allow-methods", cors.methods),
    ...listed("access-control-allow-headers", cors.headers),
    ["access-control-max-age", String(cors.maxAge)],
  ];
}

function listed(name: string, values: readonly string[]): FieldList {
  return values.length === 0 ? [] : [[name, values.join(", ")]];
}
