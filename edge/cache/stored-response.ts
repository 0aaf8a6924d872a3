// What does the cache keep of a response? Its fields and body, and what the decisions need of it,
// computed once when it was stored so that a hit parses nothing.

import type { FieldList } from "../../http/fields.ts";

/** The highest seq of each writer's purges that was known at a time. */
export type PurgeView = readonly (readonly [writer: string, seq: number])[];

/** What is known about a stored response besides its body. Plain data: it is kept as JSON. */
export interface StoredMeta {
  readonly status: 200;
  /** End-to-end fields, without Age, in the order they came. */
  readonly fields: FieldList;
  readonly bodyBytes: number;
  /** When the response, or the 304 that last validated it, arrived. */
  readonly responseMs: number;
  /** The corrected initial age (RFC 9111 §4.2.3) at `responseMs`. */
  readonly initialAgeMs: number;
  readonly freshnessLifetimeS: number;
  /** The directive that forbids serving it stale (RFC 9111 §4.2.4), or null. */
  readonly staleForbiddenBy: string | null;
  /** What was known of purges before the response was asked for; none: nothing. */
  readonly purgeView?: PurgeView;
}

/** A stored response; `Body` is the platform's, and opaque to the cache. */
export interface StoredResponse<Body> {
  readonly meta: StoredMeta;
  readonly body: Body;
}

/** What a stored response costs beyond its body, fields and key: rows, maps and objects. */
const OVERHEAD_BYTES = 200;

/** Weighs a stored response with its key, in bytes, for the bounds of the stores (P8). */
export function weightOf(key: string, meta: StoredMeta): number {
  let bytes = OVERHEAD_BYTES + key.length * 2 + meta.bodyBytes;
  for (const [name, value] of meta.fields) bytes += (name.length + value.length) * 2;
  for (const [writer] of meta.purgeView ?? []) bytes += writer.length * 2 + 8;
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
