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
  const alive = (key: string, stored: StoredResponse<Body> | null): StoredResponse<Body> | null => {
    if (stored === null || !book.isPurged(key, stored.meta)) return stored;
    memory.delete(key);
    return null;
  };
  return {
    get: (key, nowMs, selecting) => alive(key, memory.get(key, nowMs, selecting)),
    getTagged: (key, tag, nowMs) => alive(key, memory.getTagged(key, tag, nowMs)),
    tags: (key, nowMs) => memory.tags(key, nowMs),
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
    async get(key, selecting) {
      const finding = await region.get(key, selecting);
      // It stays there until another takes its place: to delete it could hit that one.
      const isPurged = finding.kind === "found" && book.isPurged(key, finding.stored.meta);
      return isPurged ? { kind: "none", tags: [] } : finding;
    },
    async getTagged(key, tag) {
      const stored = await region.getTagged(key, tag);
      return stored !== null && book.isPurged(key, stored.meta) ? null : stored;
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
