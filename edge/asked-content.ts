// A content request whose site and target are known, with all that its steps decide by.

import type { FieldLines, FieldList } from "../http/fields.ts";
import { forwardedFields, type Arrival } from "../http/forwarding.ts";
import { acceptedCodings } from "../http/vary.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import { cacheKeyOf, upstreamTargetOf, type Target } from "./cache/cache-key.ts";
import { selectingList } from "./cache/variant.ts";
import type { ContentRequest, ContentSite } from "./content-ports.ts";
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

/** Works out what a request asks for, and how the upstream would be asked. */
export function askedOf<Body>(
  request: ContentRequest<Body>,
  { name, policy, onlyHost }: ContentSite,
  target: Target,
): Omit<AskedContent, "flight"> {
  const { method, fields, arrival } = request;
  return {
    site: name,
    policy,
    method,
    fields,
    target,
    key: cacheKeyOf(name, target),
    upstream: policy.isPublished ? upstreamTargetOf(name, target) : target.path + target.query,
    arrival,
    forwarded: () => {
      if (policy.isPublished) return [];
      const codings = acceptedCodings(fields.get("accept-encoding"));
      // P4: neither the host that was asked nor its scheme is in the key, so the upstream learns neither.
      const host = onlyHost();
      const told = host === null ? {} : { host };
      return [...forwardedFields(request.fieldList(), told), ["accept-encoding", codings]];
    },
    selecting: () => (policy.isPublished ? [] : selectingList(request.fieldList(), fields, policy)),
  };
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
