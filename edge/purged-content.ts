// How do the tiers of the cache come to honour purges? What a tier has is looked up in the book of
// purges before anyone sees it. What is stored says what that book knew before it was asked for.

import type { StoredMeta, StoredResponse } from "./cache/stored-response.ts";
import type { ContentStore, PurgeWatch, RegionContent } from "./content-ports.ts";

/** Makes a memory tier honour purges. */
export function purgedMemory<Body>(
  memory: ContentStore<Body>,
  purges: PurgeWatch,
): ContentStore<Body> {
  const alive = (key: string, stored: StoredResponse<Body> | null): StoredResponse<Body> | null => {
    if (stored === null) return null;
    const verdict = purges.book.verdictOn(key, stored.meta);
    if (verdict !== "dead") return judged(stored, verdict, purges);
    memory.delete(key);
    return null;
  };
  const isPurged = (key: string, meta: StoredMeta): boolean => purges.book.isPurged(key, meta);
  return {
    get: (key, nowMs, selecting) => alive(key, memory.get(key, nowMs, selecting)),
    getTagged: (key, tag, nowMs) => alive(key, memory.getTagged(key, tag, nowMs)),
    tags: (key, nowMs) => memory.tags(key, nowMs),
    put: (key, stored, nowMs) => memory.put(key, signed(stored, purges), nowMs, isPurged),
    delete: (key) => memory.delete(key),
    bytes: () => memory.bytes(),
    ...(memory.keepsNothing === true ? { keepsNothing: true } : {}),
  };
}

/** Makes a region's tier honour purges. */
export function purgedRegion<Body>(
  region: RegionContent<Body>,
  purges: PurgeWatch,
): RegionContent<Body> {
  return {
    async get(key, selecting, fillId) {
      const finding = await region.get(key, selecting, fillId);
      // A call takes its time, and so may what came before it.
      await purges.renew();
      if (finding.kind !== "found") return finding;
      const verdict = purges.book.verdictOn(key, finding.stored.meta);
      if (verdict !== "dead")
        return { ...finding, stored: judged(finding.stored, verdict, purges) };
      // It stays there until another takes its place: to delete it could hit that one.
      const { colo = null } = finding;
      return { kind: "none", tags: [], isClaimed: false, ...(colo === null ? {} : { colo }) };
    },
    async getTagged(key, tag) {
      const stored = await region.getTagged(key, tag);
      await purges.renew();
      return stored !== null && purges.book.isPurged(key, stored.meta) ? null : stored;
    },
    put: (key, stored, lease) => region.put(key, signed(stored, purges), lease),
    delete: (key) => region.delete(key),
    claimFill: (id) => region.claimFill(id),
    endFill: (id, outcome) => region.endFill(id, outcome),
    ...(region.large === undefined ? {} : { large: region.large }),
  };
}

/**
 * What purges leave of a stored response. A soft one: stale, and good for what stale may be served for.
 * Where it is not known what was purged lately: to be validated before it is used (P5).
 */
function judged<Body>(
  stored: StoredResponse<Body>,
  verdict: "alive" | "stale",
  { isCurrent }: PurgeWatch,
): StoredResponse<Body> {
  if (verdict === "alive" && isCurrent) return stored;
  const { meta, body } = stored;
  const staleForbiddenBy = isCurrent ? meta.staleForbiddenBy : "purges-unknown";
  return { meta: { ...meta, isInvalidated: true, staleForbiddenBy }, body };
}

/** What another tier gave, or was asked for, has its own view: it may be older, never newer. */
function signed<Body>(stored: StoredResponse<Body>, { book }: PurgeWatch): StoredResponse<Body> {
  const { meta, body } = stored;
  const { view } = book;
  return meta.purgeView === undefined ? { meta: { ...meta, purgeView: view }, body } : stored;
}
