// May what was asked for a while ago be stored, or served, now? It may have been purged or written since.

import type { FieldLines } from "../http/fields.ts";
import type { AskedContent } from "./asked-content.ts";
import type { StoredMeta } from "./cache/stored-response.ts";
import type { ContentPorts } from "./content-ports.ts";
import { limits } from "./limits.ts";

/**
 * P5: tells whether what was asked for a while ago may have been purged since. Where nobody tells what
 * was purged lately it may, once it is older than a lease.
 */
export async function isPurgedMeanwhile<Body>(
  { key }: Pick<AskedContent, "key">,
  meta: StoredMeta,
  ports: ContentPorts<Body>,
): Promise<boolean> {
  await ports.purges.renew();
  const { book, isCurrent } = ports.purges;
  const isYoung = Math.abs(ports.nowMs() - meta.requestMs) < limits.leaseMs;
  return book.isPurged(key, meta) || !(isCurrent || isYoung);
}

/** Why what was asked for then must not be stored now; null: it may be. */
export function refusalNow<Body>(
  asked: AskedContent,
  { requestMs }: { readonly requestMs: number },
  ports: ContentPorts<Body>,
): "written-meanwhile" | null {
  // It was asked for before a write of it was answered, or before all that is remembered of writes.
  const isOutdated =
    ports.written.isSince(asked.key, requestMs) || ports.nowMs() - requestMs > limits.writtenKeptMs;
  return isOutdated ? "written-meanwhile" : null;
}

/** Tells whether a request may be answered with less than a whole body, which has to be known first. */
export function needsWhole(request: FieldLines): boolean {
  return ["range", "if-none-match", "if-modified-since"].some((name) => request.has(name));
}
