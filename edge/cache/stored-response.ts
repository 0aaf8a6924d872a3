// What does the cache keep of a response? Its fields and body, and what the decisions need of it,
// computed once when it was stored so that a hit parses nothing.

import type { FieldList } from "../../http/fields.ts";
import type { ContentRange } from "../../http/range.ts";
import type { Variant } from "./variant.ts";

/** The highest seq of each writer's purges that was known at a time. */
export type PurgeView = readonly (readonly [writer: string, seq: number])[];

/** What was decided about a response when it was stored, or last validated. */
export interface StoredPolicy {
  readonly freshnessLifetimeS: number;
  /** The corrected initial age (RFC 9111 §4.2.3) when the response arrived. */
  readonly initialAgeMs: number;
  /** The directive that forbids serving it stale (RFC 9111 §4.2.4), or null. */
  readonly staleForbiddenBy: string | null;
  /** `no-cache`: it is validated before each use (RFC 9111 §5.2.2.4). */
  readonly isValidatedAlways: boolean;
  /** Seconds past freshness that it may be served while it is validated (RFC 5861 §3). */
  readonly staleWhileRevalidateS: number;
  /** Seconds past freshness that it may be served instead of an error (RFC 5861 §4). */
  readonly staleIfErrorS: number;
  /** `immutable` (RFC 8246): while it is fresh, a client's reload does not validate it. */
  readonly isImmutable: boolean;
  /** Fields that a reuse without validation leaves out (`no-cache="x"`). */
  readonly hiddenFields: readonly string[];
  readonly variant: Variant;
  /** Where the body lies in the representation, of a 206; null: it is all of it. */
  readonly part: ContentRange | null;
}

/** What is known about a stored response besides its body. Plain data: it is kept as JSON. */
export interface StoredMeta extends StoredPolicy {
  readonly status: number;
  /** End-to-end fields, without Age, in the order they came. */
  readonly fields: FieldList;
  readonly bodyBytes: number;
  /** When the request that brought the response, or last validated it, was sent. */
  readonly requestMs: number;
  /** When the response, or the 304 that last validated it, arrived. */
  readonly responseMs: number;
  /** The body is in the bucket; a tier that has none in its rows has what it is found by there. */
  readonly isInBucket?: true;
  /** SHA-256 of the body, base64url, as a tier that others write to has it; not given: not known. */
  readonly bodyDigest?: string;
  /** What was known of purges before the response was asked for; none: nothing. */
  readonly purgeView?: PurgeView;
  /** It counts as stale whatever its age: a soft purge meant it. */
  readonly isInvalidated?: true;
}

/** A stored response; `Body` is the platform's, and opaque to the cache. */
export interface StoredResponse<Body> {
  readonly meta: StoredMeta;
  readonly body: Body;
}

/**
 * The entity tag by which a 304 may name a stored response, as it came; null if it has none. A part has the
 * tag of the whole and is not what the 304 is about, nor is an error.
 */
export function tagOf(meta: StoredMeta): string | null {
  if (meta.part !== null || meta.status !== 200) return null;
  return meta.fields.find(([name]) => name === "etag")?.[1] ?? null;
}

/**
 * What a stored response costs in an isolate's heap beyond its texts and bytes, as measured on V8 with
 * 64-bit pointers (test/laws/eviction.test.ts): its objects and places in maps, and those of each field.
 */
const OVERHEAD_BYTES = 850;
const FIELD_BYTES = 100;

/** Weighs a stored response with its key, in bytes, for the bounds of the stores (P8). */
export function weightOf(key: string, meta: StoredMeta): number {
  let bytes = OVERHEAD_BYTES + key.length + meta.bodyBytes;
  for (const [name, value] of meta.fields) bytes += FIELD_BYTES + name.length + value.length;
  for (const [name, value] of meta.variant) {
    // Once as it is, and once in the variant's name.
    bytes += FIELD_BYTES + 2 * (name.length + (value?.length ?? 0));
  }
  for (const [writer] of meta.purgeView ?? []) bytes += FIELD_BYTES + writer.length;
  return bytes;
}

/**
 * Tells until when a stored response is of any use: after that it may not even be served stale.
 *
 * @param staleMsMax  How long after its freshness it may still be served.
 */
export function usableUntilMs(meta: StoredMeta, staleMsMax: number): number {
  return meta.responseMs - meta.initialAgeMs + meta.freshnessLifetimeS * 1000 + staleMsMax;
}
