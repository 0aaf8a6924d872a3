// What does serving content need from the outside, and what may it rely on? Interfaces with their
// guarantees. `Body` is the platform's and opaque here: a stream, bytes, or a string in a test.

import type { ForwardReason } from "../http/cache-status.ts";
import type { FieldLines, FieldList } from "../http/fields.ts";
import type { Arrival } from "../http/forwarding.ts";
import type { Coding, SiteSettings } from "../state/site.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import type { PassedReply } from "./cache/answer.ts";
import type { PurgeBook } from "./cache/purge-book.ts";
import type { StoredMeta, StoredResponse } from "./cache/stored-response.ts";
import type { TargetBook } from "./cache/target-book.ts";
import type { Flights } from "./flights.ts";
import type { HookRun } from "./site/hook-run.ts";
import type { SiteHooks } from "./site/hooks.ts";
import type { WrittenKeys } from "./cache/written-keys.ts";
import type { OriginFailure, OriginHealth, Tolerance } from "./routing/origin-health.ts";
import type { SparedTargets } from "./routing/spared-targets.ts";

/**
 * A client's body on its way to the upstream.
 *
 * - `open` gives it as it arrives, and calls `onBroken` if it breaks off: the request must then be ended,
 *   since a body that merely goes no further would look whole to the upstream. Use it once.
 * - `fault` says what the client has to do with it that a request failed: its body is `broken`, or the
 *   rest of it is `late` and still waited for; null: nothing.
 */
export interface SentBody<Body> {
  open(onBroken: () => void): Body;
  fault(): "broken" | "late" | null;
}

/** A content request as the use case sees it. */
export interface ContentRequest<Body> {
  readonly method: string;
  /** The authority's host in lower case, without its port. */
  readonly host: string;
  readonly arrival: Arrival;
  /** Path and query as they came, not decoded. */
  readonly rawTarget: string;
  readonly fields: FieldLines;
  /** The same fields as a list. */
  readonly fieldList: () => FieldList;
  /** As it arrives; null if there is none. */
  readonly body: SentBody<Body> | null;
}

/** A site as a request sees it. */
export interface ContentSite {
  readonly name: string;
  readonly policy: CachePolicy;
  /** The one host that it is served under; null: there are several, or any. */
  readonly onlyHost: () => string | null;
  /** What is published of it; not given: nothing. */
  readonly settings?: SiteSettings | undefined;
  /** What is compiled in for it; not given: nothing. */
  readonly hooks?: SiteHooks | undefined;
  /** Its hooks, at work on this request. */
  readonly run?: HookRun;
}

/**
 * Stored responses of one tier, by cache key and variant.
 *
 * - Selection: `get` gives the newest of a key whose variant `selecting` selects, whole ones before
 *   parts; `getTagged` the newest with an entity tag; `tags` names those of all variants.
 * - Order: of two `put`s of a variant the one with the larger `responseMs` stays, whichever came last;
 *   `put` says whether what it was given stayed.
 * - Atomicity: `get` sees a whole stored response or none.
 * - Durability: none is promised; a stored response may be gone at any time.
 * - Use: what is past `usableUntilMs` is not given out any more.
 * - Limits: holds at most its bound of bytes (as it weighs them) and makes room by dropping what is past its
 *   use, then what it finds that `isPurged` says is dead, then what it is least likely to need. What
 *   alone exceeds the bound is not stored, and `put` says false. Of a key it holds `variantsPerKeyMax`
 *   variants, and drops the oldest for one more.
 */
export interface ContentStore<Body> {
  get(key: string, nowMs: number, selecting?: FieldLines): StoredResponse<Body> | null;
  getTagged(key: string, tag: string, nowMs: number): StoredResponse<Body> | null;
  tags(key: string, nowMs: number): readonly string[];
  put(
    key: string,
    stored: StoredResponse<Body>,
    nowMs: number,
    isPurged?: (key: string, meta: StoredMeta) => boolean,
  ): boolean;
  /** Deletes all variants of a key. */
  delete(key: string): void;
  /** The weight of all that is stored. */
  bytes(): number;
  /** Given: it stands where there is no such tier. */
  readonly keepsNothing?: true;
}

/**
 * What the region's tier has for a key, and how the request passed the colo's before it, if there is one;
 * `tags` are those of variants that were not asked for.
 */
export type RegionFinding<Body> =
  | {
      readonly kind: "found";
      readonly stored: StoredResponse<Body>;
      /** Given: not the cell has it, but the colo. */
      readonly tier?: "colo";
      readonly colo?: ForwardReason;
    }
  | {
      readonly kind: "none";
      readonly colo?: ForwardReason;
      readonly tags: readonly string[];
      /** The fill that was asked for is claimed, as by `claimFill`. */
      readonly isClaimed: boolean;
      /** What was stored was not whole; not given: nothing was. */
      readonly fault?: "body-damaged";
    }
  | {
      readonly kind: "unavailable";
      readonly colo?: ForwardReason;
      /** Of variants that the colo has. */
      readonly tags?: readonly string[];
    };

/** What the colo's tier has for a key; `absent`: there is no such tier. */
export type ColoFinding<Body> =
  | { readonly kind: "found"; readonly stored: StoredResponse<Body> }
  | { readonly kind: "none"; readonly tags: readonly string[] }
  | { readonly kind: "absent" };

/**
 * What the isolates of one place store for each other.
 *
 * - Selection: `get` gives a variant that `selecting` selects, whole ones before parts.
 * - Atomicity: a stored response is seen whole or not at all. Of two `put`s any may stay, and a variant be
 *   forgotten with it: what is found may be older than what was put last, and is judged by its times.
 * - Durability: none.
 * - Failure: never throws; what fails is not there.
 */
export interface ColoContent<Body> {
  get(key: string, selecting: FieldLines): Promise<ColoFinding<Body>>;
  getTagged(key: string, tag: string): Promise<StoredResponse<Body> | null>;
  put(key: string, stored: StoredResponse<Body>): Promise<void>;
  /** Forgets all variants of a key, here. */
  delete(key: string): Promise<void>;
}

/**
 * The region's ContentCell, a ContentStore behind a call.
 *
 * - Integrity: a body is found as it was stored, or not at all; then `fault` says so.
 * - Writes: what was asked for before a `delete` of its key is not stored any more.
 * - Failure: never throws; a cell that cannot be reached is `unavailable`, and what was to be
 *   written to it is lost, which costs a later request its hit and nothing else.
 */
export interface RegionContent<Body> {
  /** @param fillId  What is claimed if there is nothing, and nobody is filling it; null: nothing. */
  get(key: string, selecting: FieldList, fillId: string | null): Promise<RegionFinding<Body>>;
  getTagged(key: string, tag: string): Promise<StoredResponse<Body> | null>;
  /** @param lease  The fill that this ends; null: none. */
  put(key: string, stored: StoredResponse<Body>, lease: string | null): Promise<void>;
  delete(key: string): Promise<void>;
  /**
   * Claims to be the one in the region that asks the upstream for what `id` names, and waits for who
   * does already, no longer than `lockTimeoutMs`; `stored`: look again what is here.
   */
  claimFill(id: string): Promise<"fill" | "stored" | "alone">;
  /** Ends a fill that nothing is stored of. */
  endFill(id: string, outcome: "unshared" | "failed"): Promise<void>;
  /** Where there is room for bodies that nobody holds whole; not given: there is none. */
  readonly large?: LargeContent<Body>;
}

/**
 * Stored responses whose bodies are read and written as they pass.
 *
 * - Writes, order and failure: as RegionContent; a body that does not come to its end is not stored.
 * - Limits: so many at once, and none of more than `bytesMax`.
 */
export interface LargeContent<Body> {
  readonly bytesMax: number;
  /** Tells whether a body may be begun for a key. */
  hasRoom(key: string): boolean;
  /** Reads a body to its end and stores it; `meta` has its length. */
  put(key: string, meta: StoredMeta, body: Body, lease: string | null): Promise<void>;
}

/**
 * What the request's region knows of purges.
 *
 * - `book` is what was known when the request came, or was renewed last. `isCurrent`: it is no older
 *   than a lease; else the region's cell is silent, and what is stored may have been purged.
 * - `renew` brings it up to date, mostly without waiting; never throws.
 * - `mark` marks scopes as purged, in the region before it returns; never throws.
 */
export interface PurgeWatch {
  readonly book: PurgeBook;
  readonly isCurrent: boolean;
  renew(): Promise<void>;
  mark(scopes: readonly string[]): Promise<void>;
}

/** One request to the upstream. */
export interface UpstreamRequest<Body = unknown> {
  readonly method: string;
  /** Path and query there. */
  readonly target: string;
  readonly fields: FieldList;
  /** Not given: none. */
  readonly body?: SentBody<Body> | null;
}

/** What reading a body to its end came to. */
export type BodyReading<Body> =
  | { readonly kind: "whole"; readonly body: Body; readonly bytes: number }
  | { readonly kind: "too-large" }
  | { readonly kind: "broken" };

/**
 * A body that is read once, for many.
 *
 * - `open` gives a body of one's own from the first byte on, however much has arrived; null if the
 *   beginning is no longer held. What breaks off ends it with an error, never as if it were whole.
 * - `whole` settles as soon as it is known; after `too-large` whoever has opened it reads on.
 * - `done` settles when nothing more is read from the upstream. Neither rejects.
 */
export interface SharedBody<Body> {
  open(): Body | null;
  /** The same for who only reads along: others set the pace, and when they are gone it breaks off. */
  follow?(): Body | null;
  readonly whole: Promise<BodyReading<Body>>;
  readonly done: Promise<void>;
}

/**
 * A response of the origin whose body has not been read.
 *
 * - `body` gives it as it arrives, null where the status has none; `share` reads it for many, and one
 *   shorter or longer than its Content-Length is `broken`. Use one of the two, once.
 * - `discard` may follow either, and ends what has not arrived.
 */
export interface UpstreamReply<Body> extends PassedReply<Body> {
  readonly kind: "reply";
  readonly requestMs: number;
  readonly responseMs: number;
  /** Not given whole beyond `bytesMax`. */
  readonly share: (bytesMax: number) => SharedBody<Body>;
}

/** What asking the origin came to. */
export type OriginReply<Body> =
  | UpstreamReply<Body>
  | { readonly kind: "failed"; readonly reason: OriginFailure };

/**
 * The way to the origin's content.
 *
 * - Failure: never throws; what kept an answer from coming is a value.
 * - Meaning: a reply is the origin's word on the target. That it refuses this edge's own
 *   credentials is `origin-refused`, never a 401 for the client.
 * - Bytes: bodies arrive as the origin encoded them, in step with Content-Encoding.
 * - Limits: fails after `originTimeoutMs` without a response head, and a shared body after as long
 *   without a byte; one of `briefBodyBytesMax` at most after as long in all.
 */
export interface OriginContent<Body> {
  fetch(request: UpstreamRequest<Body>): Promise<OriginReply<Body>>;
}

/**
 * Codes bodies.
 *
 * - Result: null for a body that is not held whole, and for one that does not get smaller.
 * - Limits: what is coded is kept for the next time in a bounded number of bytes.
 */
export interface BodyEncoder<Body> {
  encode(body: Body, coding: Coding): Body | null;
}

/** What an isolate believes about one upstream. */
export interface UpstreamBelief {
  state: OriginHealth;
  readonly tolerance: Tolerance;
  /** By cache key, which names the site. */
  readonly spared: SparedTargets;
}

/** All that serving one request needs. */
export interface ContentPorts<Body> {
  readonly memory: ContentStore<Body>;
  readonly region: RegionContent<Body>;
  readonly origin: OriginContent<Body>;
  readonly encoder: BodyEncoder<Body>;
  /** What this isolate believes about the upstream; shared by its requests, lost with it. */
  readonly health: UpstreamBelief;
  /** What was written through this isolate. */
  readonly written: WrittenKeys;
  readonly purges: PurgeWatch;
  /** What this isolate is asking upstreams for, and what it has learnt of who may share it. */
  readonly flights: Flights<Body>;
  readonly targets: TargetBook;
  /** Wall clock, epoch milliseconds. */
  nowMs(): number;
  /** Waits for `work` for at most `ms`; `late` leaves it running. */
  within<T>(work: Promise<T>, ms: number): Promise<T | "late">;
  /** Lets `work` go on after the answer has left. */
  background(work: Promise<unknown>): void;
}
