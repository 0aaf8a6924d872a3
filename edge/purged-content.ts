// How do the tiers of the cache come to honour purges? What a tier has is looked up in the book of
// purges before anyone sees it, and what is stored is stored with what that book knew: the book of the
// request that asked, so from before it asked.

import type { PurgeBook } from "./cache/purge-book.ts";
import type { StoredResponse } from "./cache/stored-response.ts";
import type { ContentStore, RegionContent } from "./content-ports.ts";

/** Makes a memory tier honour purges. */
export function purgedMemory<Body>(
  memory: ContentStore<Body>,
  book: PurgeBook,
): ContentStore<Body> {
  return {
    get(key, nowMs) {
      const stored = memory.get(key, nowMs);
      if (stored === null || !book.isPurged(key, stored.meta)) return stored;
      memory.delete(key);
      return null;
    },
    put: (key, stored, nowMs) => memory.put(key, signed(stored, book), nowMs),
    delete: (key) => memory.delete(key),
    bytes: () => memory.bytes(),
  };
}

/** Makes a region's tier honour purges. */
export function purgedRegion<Body>(
  region: RegionContent<Body>,
  book: PurgeBook,
): RegionContent<Body> {
  return {
    async get(key) {
      const finding = await region.get(key);
      // It stays there until another takes its place: to delete it could hit that one.
      const isPurged = finding.kind === "found" && book.isPurged(key, finding.stored.meta);
      return isPurged ? { kind: "none" } : finding;
    },
    put: (key, stored) => region.put(key, signed(stored, book)),
    delete: (key) => region.delete(key),
  };
}

/** What another tier gave, or was validated, keeps its own view: it may be older, never newer. */
function signed<Body>(stored: StoredResponse<Body>, { view }: PurgeBook): StoredResponse<Body> {
  const { meta, body } = stored;
  return meta.purgeView === undefined ? { meta: { ...meta, purgeView: view }, body } : stored;
}
