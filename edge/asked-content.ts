// A content request whose site and target are known, with all that its steps decide by.

import type { FieldLines, FieldList } from "../http/fields.ts";
import type { Arrival } from "../http/forwarding.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import type { Target } from "./cache/cache-key.ts";
import type { Flight } from "./flights.ts";

/** What is asked for, and how the upstream is asked for it. */
export interface AskedContent {
  readonly site: string;
  readonly policy: CachePolicy;
  readonly method: string;
  /** The client's fields. */
  readonly fields: FieldLines;
  readonly target: Target;
  readonly key: string;
  /** Path and query at the upstream. */
  readonly upstream: string;
  readonly arrival: Arrival;
  /** The flight that this request leads; not given: none. */
  readonly flight?: Pick<Flight<never>, "takeLease">;
  /** What of the client's fields goes to the upstream; nothing where content is published. */
  readonly forwarded: () => FieldList;
  /** The client's fields as variants are matched with, for the region's cell. */
  readonly selecting: () => FieldList;
}

/** Evaluated here, against what is stored; sent on, they would be about the wrong response. */
const CONDITIONS: ReadonlySet<string> = new Set([
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
]);
/** A client must not make the upstream's own caches work (RFC 9111 §5.2.1). */
const RELOADS: ReadonlySet<string> = new Set(["cache-control", "pragma"]);

/**
 * Makes the fields of a GET that the cache sends for a request.
 *
 * @param isPart  The request's Range goes on: the answer is for this request alone, or is stored as a part.
 */
export function lookupFields(asked: AskedContent, isPart: boolean): FieldList {
  return asked.forwarded().filter(([name]) => {
    if (CONDITIONS.has(name)) return isPart && name === "if-range";
    if (name === "range") return isPart;
    return asked.policy.obeysClient || !RELOADS.has(name);
  });
}
