// Which policies of eviction are there, and how are they opened?

import type { Eviction } from "./slot.ts";
import { Lru } from "./lru.ts";
import { Probation, type ProbationBounds } from "./probation.ts";
import { Sieve } from "./sieve.ts";

/** What a deployment may ask for. */
export const EVICTIONS = ["probation", "sieve", "lru"] as const;
export type EvictionName = (typeof EVICTIONS)[number];

/** Opens the policy of a tier. */
export function openEviction<Entry>(name: EvictionName, bounds: ProbationBounds): Eviction<Entry> {
  switch (name) {
    case "probation":
      return new Probation(bounds);
    case "sieve":
      return new Sieve();
    case "lru":
      return new Lru();
  }
}
