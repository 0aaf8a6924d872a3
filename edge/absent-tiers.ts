// What stands where a deployment has no tier of the cache? Something that keeps nothing.

import type { ContentStore, RegionContent } from "./content-ports.ts";

/** The tiers that a deployment may have. */
export const TIERS = ["memory", "colo", "region"] as const;
export type TierName = (typeof TIERS)[number];
/** Those that it has unless told. */
export const USUAL_TIERS: readonly TierName[] = ["memory", "region"];

/** A memory that keeps nothing. */
export function noMemory<Body>(): ContentStore<Body> {
  return {
    get: () => null,
    getTagged: () => null,
    tags: () => [],
    put: () => false,
    delete: () => undefined,
    bytes: () => 0,
    keepsNothing: true,
  };
}

/** A region without a cell: each isolate asks the upstream for itself. */
export function noRegion<Body>(): RegionContent<Body> {
  return {
    get: async () => ({ kind: "unavailable" }),
    getTagged: async () => null,
    put: async () => undefined,
    delete: async () => undefined,
    claimFill: async () => "alone",
    endFill: async () => undefined,
  };
}
