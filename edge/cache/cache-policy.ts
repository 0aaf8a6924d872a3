// How strict is the cache of a site? Three policies: one for what the origin publishes, and for any
// other HTTP server the profile `safe`, unless the site asks for `rfc` (docs/caching.md).

import { limits } from "../limits.ts";

/** What the decisions of this room differ in from site to site. */
export interface CachePolicy {
  readonly name: "published" | "safe" | "rfc";
  /**
   * The site is published at Skerry's origin, which is sent nothing of the client and answers with
   * 200 and explicit freshness or not for the cache. Otherwise the upstream is any HTTP server.
   */
  readonly isPublished: boolean;
  /** A client's Cache-Control counts: it may make the upstream work (RFC 9111 §5.2.1). */
  readonly obeysClient: boolean;
  /** A response with Set-Cookie, or to a Cookie, may be stored although it does not say `public`. */
  readonly storesCookies: boolean;
  /** An error to a request with fields that not every server knows is taken for that request's own. */
  readonly suspectsRequests: boolean;
  /** Lower-case names of fields that this one knows besides. */
  readonly knownFields: readonly string[];
  /** A 206 whose length is not what its Content-Range says may be stored. */
  readonly storesOddParts: boolean;
  /** The answer to a POST may be stored for GET (RFC 9110 §9.3.3). */
  readonly storesPost: boolean;
  /** Accept-Language is matched by preference, not by text. */
  readonly ranksLanguages: boolean;
  /** A failed validation lets the stale response be served without stale-if-error (RFC 9111 §4.2.4). */
  readonly servesStaleOnError: boolean;
  /** Of a repeated lifetime the first counts; otherwise it makes the response stale (RFC 9111 §4.2.1). */
  readonly takesFirstLifetime: boolean;
  /** An Expires that is nearly an HTTP-date counts; otherwise it makes the response stale. */
  readonly takesLooseDates: boolean;
  /** Failures after which the upstream does not count as away yet. */
  readonly tolerance: { readonly failures: number; readonly ms: number };
  /** How long a request waits for the upstream when it could be served what is stale, milliseconds. */
  readonly patienceMs: number;
  /** How long past its freshness anything may be served, while the upstream is away too. */
  readonly staleMsMax: number;
}

/** What is published at Skerry's origin: the narrowest. */
export const PUBLISHED: CachePolicy = {
  name: "published",
  isPublished: true,
  obeysClient: false,
  storesCookies: false,
  suspectsRequests: true,
  knownFields: [],
  storesOddParts: false,
  storesPost: false,
  ranksLanguages: false,
  servesStaleOnError: true,
  takesFirstLifetime: false,
  takesLooseDates: false,
  tolerance: { failures: 0, ms: 0 },
  patienceMs: limits.originPatienceMs,
  staleMsMax: limits.staleOfflineMsMax,
};

/** Any HTTP server, on the public internet. */
export const SAFE: CachePolicy = {
  ...PUBLISHED,
  name: "safe",
  isPublished: false,
  servesStaleOnError: false,
  takesFirstLifetime: true,
  takesLooseDates: true,
  tolerance: { failures: 4, ms: 1_000 },
  patienceMs: limits.upstreamPatienceMs,
};

/** Any HTTP server; all that RFC 9111 lets a shared cache do. */
export const RFC: CachePolicy = {
  ...SAFE,
  name: "rfc",
  obeysClient: true,
  storesCookies: true,
  suspectsRequests: false,
  storesOddParts: true,
  storesPost: true,
  ranksLanguages: true,
  servesStaleOnError: true,
};
