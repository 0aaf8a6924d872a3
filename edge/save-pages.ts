// What becomes of pages that are saved in one call, if one of them cannot be? The others are saved.

/** What saving came to. */
export type Saved =
  | { readonly kind: "stored" }
  /** A newer one, or a write, is there. */
  | { readonly kind: "outdated" }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Saves pages one by one.
 *
 * @param put Stores one, or leaves all as it was and throws; false: it is not to be stored.
 * @param settled Is told of each, in order.
 */
export function savePages<Page>(
  pages: readonly Page[],
  put: (page: Page) => boolean,
  settled: (page: Page, saved: Saved) => void,
): void {
  for (const page of pages) settled(page, savePage(page, put));
}

function savePage<Page>(page: Page, put: (page: Page) => boolean): Saved {
  try {
    return put(page) ? { kind: "stored" } : { kind: "outdated" };
  } catch (error) {
    return { kind: "failed", error };
  }
}
