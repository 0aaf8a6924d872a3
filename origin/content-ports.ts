// What do publishing and reading content need from the outside? `Body` is the platform's.

/** What is known of a published object besides its bytes. */
export interface ObjectInfo {
  /** A strong entity tag, quoted. */
  readonly etag: string;
  readonly bytes: number;
  readonly publishedMs: number;
  readonly contentType: string;
  readonly cacheControl: string;
}

/** How an object is published. */
export interface ObjectPolicy {
  readonly contentType: string;
  readonly cacheControl: string;
}

/**
 * Published objects by key, `site/path`.
 *
 * - Atomicity: an object is seen whole or not at all, the old one until the new one is complete.
 * - Durability: once `put` said `stored`, the object survives.
 * - Failure: `put` says `failed` and leaves what was there; the other calls throw if storage does.
 */
export interface ContentBucket<Body> {
  head(key: string): Promise<ObjectInfo | null>;
  /** `discard` ends the body without reading it; use one of the two, once. */
  get(key: string): Promise<{
    readonly info: ObjectInfo;
    readonly body: Body;
    readonly discard: () => void;
  } | null>;
  put(
    key: string,
    body: Body,
    policy: ObjectPolicy,
  ): Promise<{ readonly kind: "stored"; readonly info: ObjectInfo } | { readonly kind: "failed" }>;
  delete(key: string): Promise<void>;
}

/**
 * Makes every region forget what it stored of an object, once it has heard of it.
 *
 * - Failure: throws, and then the regions may go on serving what they stored.
 */
export type PurgeContent = (site: string, path: string) => Promise<void>;
