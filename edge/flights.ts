// Who is waiting for the same answer of an upstream? The first request for a target leads a flight;
// others that come while it is under way wait for where it lands, and take part in its body.
//
//   begin --> under way --land(shared)--> open: whoever comes joins, until the body is stored
//                       --land(else)----> over

import type { StoringTier } from "./cache/tiers.ts";
import type { StoredMeta, StoredResponse } from "./cache/stored-response.ts";
import type { OriginFailure } from "./routing/origin-health.ts";

/** What a flight came to. */
export type Landing<Body> =
  | SharedLanding<Body>
  /** The upstream failed, and nothing stored could stand in. */
  | { readonly kind: "failed"; readonly reason: OriginFailure; readonly retryAfterMs: number }
  /** What came was for the request that asked for it. */
  | { readonly kind: "unshared" };

/** A response that may be anybody's whom its variant suits. */
export interface SharedLanding<Body> {
  readonly kind: "shared";
  readonly meta: StoredMeta;
  /** Gives a body of one's own from the first byte on; null: its beginning is no longer held. */
  readonly open: () => Body | null;
  /** Settles when all of it has arrived; null: it cannot be had whole. Never rejects. */
  readonly whole: Promise<StoredResponse<Body> | null>;
  readonly fwdStatus: number | null;
  /** The tier that had it; null: it came from the upstream. */
  readonly tier: StoringTier | null;
  /** Why it is served although it is stale; null: it is not. */
  readonly staleBecause: string | null;
}

/** One flight, as its leader sees it; `Body` as in the ports. */
export class Flight<Body> {
  readonly id: string;
  /** Resolves when the flight lands; never rejects. */
  readonly landed: Promise<Landing<Body>>;
  /** What the region's cell is told if nothing is stored. */
  outcome: "unshared" | "failed" = "failed";
  /** The region's cell has let this flight fill, and waits to be told; else null. */
  lease: string | null = null;
  /** Its leader has waited for another's already, and waits for no other isolate of the region. */
  hasWaited = false;
  /** Until when the flight stays open for others to join; not given: it ends when it lands. */
  open: Promise<unknown> | null = null;
  readonly #resolve: (landing: Landing<Body>) => void;

  constructor(id: string) {
    this.id = id;
    const { promise, resolve } = Promise.withResolvers<Landing<Body>>();
    this.landed = promise;
    this.#resolve = resolve;
  }

  /** Tells the others what it came to; only the first word counts. */
  land(landing: Landing<Body>): void {
    this.#resolve(landing);
  }

  /** Takes the lease to give it back; null: there is none, or it was taken. */
  takeLease(): string | null {
    const { lease } = this;
    this.lease = null;
    return lease;
  }
}

/** The flights of an isolate. */
export class Flights<Body> {
  readonly #flightsMax: number;
  readonly #underWay = new Map<string, Flight<Body>>();

  constructor(flightsMax: number) {
    this.#flightsMax = flightsMax;
  }

  find(id: string): Flight<Body> | null {
    return this.#underWay.get(id) ?? null;
  }

  /** Begins a flight; past the bound it is one that nobody finds (P8). */
  begin(id: string): Flight<Body> {
    const flight = new Flight<Body>(id);
    if (this.#underWay.size < this.#flightsMax) this.#underWay.set(id, flight);
    return flight;
  }

  /** Lets nobody join a flight any more. */
  end(flight: Flight<Body>): void {
    if (this.#underWay.get(flight.id) === flight) this.#underWay.delete(flight.id);
  }
}

/** The landing of what is stored, or held whole. */
export function landStored<Body>(
  stored: StoredResponse<Body>,
  how: Pick<SharedLanding<Body>, "fwdStatus" | "tier" | "staleBecause">,
): SharedLanding<Body> {
  const { meta, body } = stored;
  return { kind: "shared", meta, open: () => body, whole: Promise.resolve(stored), ...how };
}
