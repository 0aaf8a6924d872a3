// How is a site's content served? What the document under CONFIG may say of each site, so that it needs
// no deployment: where its content comes from, how long it is kept, what a key is, and what is added to
// its answers. Every text that is compared with a request has the form in which requests are compared.

import * as z from "zod/mini";

/** Sites of a deployment that have settings. */
export const SITES_MAX = 256;
/** Rules, redirects, names of a list and fields that are added, of one site. */
const RULES_MAX = 64;
const REDIRECTS_MAX = 128;
const NAMES_MAX = 64;
const ADDED_FIELDS_MAX = 32;
/** Characters of a path, of a URL, of the value of a field, and of a name. */
const PATH_CHARS_MAX = 256;
const URL_CHARS_MAX = 2_048;
const VALUE_CHARS_MAX = 2_048;
const NAME_CHARS_MAX = 128;
/** A year, a day, an hour and ten seconds: the longest lifetimes of what is well, and of what is not. */
const LIFETIME_S_MAX = 31_536_000;
const PREFLIGHT_S_MAX = 86_400;
const MISSING_S_MAX = 3_600;
const ERROR_S_MAX = 10;
/** How long past its freshness anything may be served while its upstream is away: 30 days, in seconds. */
export const OFFLINE_S_MAX = 2_592_000;
/** Bytes below which nothing is compressed: at least, at most, and unless told. */
const COMPRESSED_BYTES = { least: 256, most: 1_048_576, usual: 1_024 } as const;

export interface UpstreamSetting {
  readonly url: string;
  readonly profile: "safe" | "rfc";
  /** Lower-case names of fields that the server knows, beside those that every server does. */
  readonly fields: readonly string[];
}

/** What a site says of the lifetime of some of its responses. Times are seconds. */
export interface LifetimeRule {
  /** A path, or its beginning and "*". */
  readonly path: string;
  readonly status: readonly number[];
  /** Media types, "image/*" too; empty: any. */
  readonly types: readonly string[];
  /** False: such a response is never stored. */
  readonly store: boolean;
  /** The lifetime of a response that says none; or of any that may be stored at all. */
  readonly ttl?: number | undefined;
  readonly override?: number | undefined;
  /** Of a response that does not say (RFC 5861). */
  readonly staleWhileRevalidate?: number | undefined;
  readonly staleIfError?: number | undefined;
}

/** Which parameters of the query make a key, and are sent on: all but those, or those alone. */
export type QueryRule = { readonly drop: readonly string[] } | { readonly keep: readonly string[] };

export interface Redirect {
  /** A path, or its beginning and "*". */
  readonly from: string;
  /** A path or a URL; its "*", at the end, stands for what the one of `from` stood for. */
  readonly to: string;
  readonly status: number;
}

export interface SecuritySetting {
  readonly preset: "none" | "basic" | "strict";
  /** Fields that are set besides, whatever the upstream says; null: taken away. */
  readonly fields: Readonly<Record<string, string | null>>;
}

/** Who may read answers from another origin (the Fetch standard's CORS protocol). */
export interface CorsSetting {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly expose: readonly string[];
  readonly credentials: boolean;
  readonly maxAge: number;
}

export type Coding = "br" | "zstd" | "gzip";

export interface CompressionSetting {
  /** The first that a client takes is used. */
  readonly codings: readonly Coding[];
  readonly minBytes: number;
  /** Media types that are compressed, "text/*" too. */
  readonly types: readonly string[];
}

/** What is said of one site; what is left out is as if nothing was. */
export interface SiteSettings {
  readonly upstream?: UpstreamSetting | undefined;
  /** How long past its freshness anything may be served while the upstream is away, seconds. */
  readonly maxOffline?: number | undefined;
  readonly rules?: readonly LifetimeRule[] | undefined;
  readonly query?: QueryRule | undefined;
  readonly redirects?: readonly Redirect[] | undefined;
  readonly security?: SecuritySetting | undefined;
  readonly cors?: CorsSetting | undefined;
  readonly compression?: CompressionSetting | undefined;
}

/** What is text of some kind, or good to read anyway, and shrinks. */
const COMPRESSED_TYPES: readonly string[] = [
  "text/*",
  "application/javascript",
  "application/json",
  "application/ld+json",
  "application/manifest+json",
  "application/wasm",
  "application/xml",
  "application/rss+xml",
  "image/svg+xml",
  "font/ttf",
];

const text = (pattern: RegExp, charsMax: number, error: string) =>
  z.string({ error }).check(z.regex(pattern, { error }), z.maxLength(charsMax, { error }));
const seconds = (most: number, what: string) => {
  const error = `${what} is a whole number of seconds from 0 to ${most}`;
  return z.number({ error }).check(z.int({ error }), z.gte(0, { error }), z.lte(most, { error }));
};
const list = <T>(item: z.ZodMiniType<T>, most: number, what: string) => {
  const error = `${what} is a list of at most ${most}`;
  return z.array(item, { error }).check(z.maxLength(most, { error }));
};

// As edge/cache/cache-key.ts makes a path canonical: no dot segments, escapes in upper case.
const PATTERN =
  /^(?!.*\/\.\.?(?:\/|\*?$))(?:\/(?:[A-Za-z0-9\-._~!$&'()+,;=:@/]|%(?:[89A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-D]))*)\*?$/;
const patternError =
  'a path begins with "/", is canonical (no "..", escapes in upper case and only where they are needed) and may end in "*"';
const pattern = text(PATTERN, PATH_CHARS_MAX, patternError);
const mediaError = 'a media type is in lower case, such as "text/html" or "image/*"';
const media = text(/^[a-z0-9.+-]+\/(?:\*|[a-z0-9.+-]+)$/, NAME_CHARS_MAX, mediaError);
const fieldError = "the name of a field is in lower case, such as x-frame-options";
const fieldName = text(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, NAME_CHARS_MAX, fieldError);

const urlError = "the url of an upstream begins with http:// or https://, without a query";
const HTTP_URL = /^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#\\]*)?$/;
const upstreamShape = {
  url: text(HTTP_URL, URL_CHARS_MAX, urlError),
  profile: z._default(z.enum(["safe", "rfc"], { error: 'profile is "safe" or "rfc"' }), "safe"),
  fields: z._default(list(fieldName, NAMES_MAX, "fields"), []),
};

const STATUSES = [200, 203, 204, 300, 301, 302, 307, 308, 404, 410, 451, 500, 502, 503, 504];
const statusError = `a rule's status is one of ${STATUSES.join(", ")}`;
const lifetimeShape = {
  path: pattern,
  status: z._default(
    list(
      z
        .number({ error: statusError })
        .check(z.refine((status) => STATUSES.includes(status), { error: statusError })),
      NAMES_MAX,
      "status",
    ),
    [200],
  ),
  types: z._default(list(media, NAMES_MAX, "types"), []),
  store: z._default(z.boolean({ error: "store is true or false" }), true),
  ttl: z.optional(seconds(LIFETIME_S_MAX, "ttl")),
  override: z.optional(seconds(LIFETIME_S_MAX, "override")),
  staleWhileRevalidate: z.optional(seconds(LIFETIME_S_MAX, "staleWhileRevalidate")),
  staleIfError: z.optional(seconds(LIFETIME_S_MAX, "staleIfError")),
};

/** How long a response of a status may be kept by a rule, in seconds: an error is not for long. */
function lifetimeMax(status: number): number {
  if (status >= 500) return ERROR_S_MAX;
  return status >= 400 ? MISSING_S_MAX : LIFETIME_S_MAX;
}

const isShort = ({ status, ttl = 0, override = 0 }: LifetimeRule): boolean =>
  status.every((one) => Math.max(ttl, override) <= lifetimeMax(one));
const longError = `an error is kept for at most ${MISSING_S_MAX} s (404, 410, 451) or ${ERROR_S_MAX} s (500 and above): make a rule of its own for it`;

const parameterError =
  'a parameter is named as in the query, undecoded ("[" is %5B there), and may end in "*"';
const parameters = list(
  text(/^[A-Za-z0-9\-._~!$()+,;:@/%?]*\*?$/, NAME_CHARS_MAX, parameterError),
  NAMES_MAX,
  "a list of parameters",
);

const toError =
  'a redirect leads to a path or to a URL with a host, in which "*" may only be at the end';
const TO = /^(?:\/(?!\/)|https?:\/\/[A-Za-z0-9.:[\]-]+\/)[A-Za-z0-9\-._~!$&'()+,;=:@/%?#]*\*?$/;
const redirectShape = {
  from: pattern,
  to: text(TO, URL_CHARS_MAX, toError),
  status: z._default(
    z.literal([301, 302, 307, 308], { error: "the status of a redirect is 301, 302, 307 or 308" }),
    308,
  ),
};
/** A redirect that leads to what it redirects would go round (RFC 9110 §15.4). */
function isStraight({ from, to }: Redirect): boolean {
  if (!to.startsWith("/")) return true;
  const [path = ""] = to.split(/[?#]/, 1);
  const isWild = from.endsWith("*");
  return isWild ? !path.startsWith(from.slice(0, -1)) : path !== from;
}
const wildError = 'a "*" in "to" needs one in "from"';
const roundError = '"to" is itself redirected by this redirect: it would go round';

const valueError = "the value of a field is printable ASCII, or null to take the field away";
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** What the connection and the cache themselves decide by is not a site's to set. */
const OWN_FIELDS =
  /^(?:age|cache-control|cache-status|cdn-.*|connection|content-(?:encoding|length|range)|date|etag|keep-alive|set-cookie|skerry-.*|te|trailer|transfer-encoding|upgrade|vary|via)$/;
const addedError = `fields is an object from a field's name, in lower case, to its value, of at most ${ADDED_FIELDS_MAX}; a field that is decided by the cache or the connection is not a site's to set`;
const securityShape = {
  preset: z._default(
    z.enum(["none", "basic", "strict"], { error: 'preset is "none", "basic" or "strict"' }),
    "basic",
  ),
  fields: z._default(
    z
      .record(
        fieldName.check(z.refine((name) => !OWN_FIELDS.test(name))),
        z.nullable(text(VALUE, VALUE_CHARS_MAX, valueError)),
        { error: addedError },
      )
      .check(z.refine((all) => Object.keys(all).length <= ADDED_FIELDS_MAX, { error: addedError })),
    {},
  ),
};

const originError = 'an origin is such as "https://app.example", or "*" alone for all';
const corsOrigin = text(/^(?:\*|https?:\/\/[a-z0-9.:[\]-]+)$/, URL_CHARS_MAX, originError);
const methodError = "a method is in upper case, such as PUT";
const corsShape = {
  origins: list(corsOrigin, NAMES_MAX, "origins").check(
    z.refine((all) => all.length === 1 || !all.includes("*"), { error: originError }),
  ),
  methods: z._default(
    list(text(/^[A-Z]{1,16}$/, NAME_CHARS_MAX, methodError), NAMES_MAX, "methods"),
    ["GET", "HEAD"],
  ),
  headers: z._default(list(fieldName, NAMES_MAX, "headers"), []),
  expose: z._default(list(fieldName, NAMES_MAX, "expose"), []),
  credentials: z._default(z.boolean({ error: "credentials is true or false" }), false),
  maxAge: z._default(seconds(PREFLIGHT_S_MAX, "maxAge"), 600),
};
const credentialsError =
  "credentials cannot be for every origin: name the origins (the Fetch standard forbids both)";

const bytesError = `minBytes is a whole number from ${COMPRESSED_BYTES.least} to ${COMPRESSED_BYTES.most}`;
const CODINGS = ["br", "zstd", "gzip"] as const;
const codingList = list(
  z.enum(CODINGS, { error: "codings are br, zstd and gzip" }),
  CODINGS.length,
  "codings",
);
const noCodingError =
  "codings names at least one of br, zstd and gzip: leave compression out if nothing is to be coded";
/** To be published; what was published before this was asked for is read as it is. */
const someCodings = z._default(codingList.check(z.minLength(1, { error: noCodingError })), [
  ...CODINGS,
]);
const compressionShape = {
  codings: z._default(codingList, [...CODINGS]),
  minBytes: z._default(
    z
      .number({ error: bytesError })
      .check(
        z.int({ error: bytesError }),
        z.gte(COMPRESSED_BYTES.least, { error: bytesError }),
        z.lte(COMPRESSED_BYTES.most, { error: bytesError }),
      ),
    COMPRESSED_BYTES.usual,
  ),
  types: z._default(list(media, NAMES_MAX, "types"), [...COMPRESSED_TYPES]),
};

/** How objects are read: `strict` where a field that is not known is more likely a slip than the future. */
type Strictness = "strict" | "loose";

/** Makes the schema of a site's settings. */
export function siteSchema(strictness: Strictness): z.ZodMiniType<SiteSettings> {
  const object = <Shape extends z.core.$ZodLooseShape>(shape: Shape, what: string) => {
    const error = `${what} is an object with ${Object.keys(shape).join(", ")} and nothing else`;
    return strictness === "strict" ? z.strictObject(shape, { error }) : z.object(shape, { error });
  };
  const queryError = 'query is { "keep": [...] } or { "drop": [...] }';
  const shape = {
    upstream: z.optional(object(upstreamShape, "upstream")),
    maxOffline: z.optional(seconds(OFFLINE_S_MAX, "maxOffline")),
    rules: z.optional(
      list(
        object(lifetimeShape, "a rule").check(z.refine(isShort, { error: longError })),
        RULES_MAX,
        "rules",
      ),
    ),
    query: z.optional(
      z.union([z.strictObject({ keep: parameters }), z.strictObject({ drop: parameters })], {
        error: queryError,
      }),
    ),
    redirects: z.optional(
      list(
        object(redirectShape, "a redirect").check(
          z.refine(({ from, to }) => from.endsWith("*") || !to.endsWith("*"), { error: wildError }),
          z.refine(isStraight, { error: roundError }),
        ),
        REDIRECTS_MAX,
        "redirects",
      ),
    ),
    security: z.optional(object(securityShape, "security")),
    cors: z.optional(
      object(corsShape, "cors").check(
        z.refine(({ origins, credentials }) => !(credentials && origins.includes("*")), {
          error: credentialsError,
        }),
      ),
    ),
    compression: z.optional(
      object(
        strictness === "strict" ? { ...compressionShape, codings: someCodings } : compressionShape,
        "compression",
      ),
    ),
  };
  return object(shape, "what is said of a site") as z.ZodMiniType<SiteSettings>;
}
