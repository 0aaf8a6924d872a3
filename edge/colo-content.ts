// How does the colo's tier stand before the region's? What is fresh there is served without a call to the
// cell; what is stale is only used if the cell has nothing. What the cell has or is given goes there too.
//
// Nothing there is deleted for a purge: it says what was known of purges when it was asked for, and is held
// against what is known now, as in every tier.

import { currentAgeMs } from "./cache/age.ts";
import type { StoredMeta, StoredResponse } from "./cache/stored-response.ts";
import type { WrittenKeys } from "./cache/written-keys.ts";
import type {
  ColoContent,
  ContentPorts,
  PurgeWatch,
  RegionContent,
  RegionFinding,
} from "./content-ports.ts";
import { linesOf } from "../http/fields.ts";

/** What the tier needs besides what it stores. */
export interface ColoSurroundings extends Pick<
  ContentPorts<unknown>,
  "nowMs" | "background" | "purges"
> {
  readonly written: WrittenKeys;
}

/** Puts the colo's tier before a region's. */
export function withColo<Body>(
  region: RegionContent<Body>,
  colo: ColoContent<Body>,
  around: ColoSurroundings,
): RegionContent<Body> {
  const store = (key: string, stored: StoredResponse<Body>): Promise<void> =>
    storeUnlessWritten(colo, key, stored, around);
  return {
    async get(key, selecting, fillId) {
      const inColo = await colo.get(key, linesOf(selecting));
      if (inColo.kind === "absent") return region.get(key, selecting, fillId);
      await around.purges.renew();
      const { book } = around.purges;
      const isHeld = inColo.kind === "found" && !book.isPurged(key, inColo.stored.meta);
      const held = isHeld ? inColo.stored : null;
      if (held !== null && isFresh(key, held.meta, around)) return inColoOnly(held);
      // What is stale here is validated, and the claim to do so is made by then.
      const finding = await region.get(key, selecting, held === null ? fillId : null);
      if (finding.kind === "found") around.background(store(key, finding.stored));
      else if (held !== null) return inColoOnly(held);
      const passed = { colo: held === null ? "miss" : "stale" } as const;
      if (finding.kind !== "unavailable") return { ...finding, ...passed };
      return { ...finding, ...passed, tags: inColo.kind === "none" ? inColo.tags : [] };
    },
    async getTagged(key, tag) {
      return (await region.getTagged(key, tag)) ?? (await colo.getTagged(key, tag));
    },
    async put(key, stored, lease) {
      // Until both have it, whoever comes joins the flight that brought it.
      await Promise.all([region.put(key, stored, lease), store(key, stored)]);
    },
    async delete(key) {
      await Promise.all([region.delete(key), colo.delete(key)]);
    },
    claimFill: (id) => region.claimFill(id),
    endFill: (id, outcome) => region.endFill(id, outcome),
    ...(region.large === undefined ? {} : { large: region.large }),
  };
}

function inColoOnly<Body>(stored: StoredResponse<Body>): RegionFinding<Body> {
  return { kind: "found", stored, tier: "colo" };
}

/** Tells whether what is stored may be served without asking anyone: neither stale nor in doubt. */
function isFresh(
  key: string,
  meta: StoredMeta,
  { purges, nowMs }: { readonly purges: PurgeWatch; readonly nowMs: () => number },
): boolean {
  const isAged = currentAgeMs(meta, nowMs()) >= meta.freshnessLifetimeS * 1000;
  if (isAged || meta.isValidatedAlways || !purges.isCurrent) return false;
  return purges.book.verdictOn(key, meta) === "alive";
}

/** Stores; a write that was answered meanwhile ends it. */
async function storeUnlessWritten<Body>(
  colo: ColoContent<Body>,
  key: string,
  stored: StoredResponse<Body>,
  { written }: ColoSurroundings,
): Promise<void> {
  const isOutdated = (): boolean => written.isSince(key, stored.meta.requestMs);
  if (isOutdated()) return;
  await colo.put(key, stored);
  if (isOutdated()) await colo.delete(key);
}
