// How is a body stored that nobody holds whole? It is sent on as it arrives, for whoever asks meanwhile too,
// and who stores it reads along at the pace of the others. Only a whole answer to a plain GET, of a length
// that is known: what breaks off must not look whole.

import type { AskedContent } from "./asked-content.ts";
import type { StoredMeta } from "./cache/stored-response.ts";
import type { ContentPorts, LargeContent } from "./content-ports.ts";
import { isPurgedMeanwhile, needsWhole, refusalNow } from "./fill-checks.ts";
import type { Answered, Replacing, Stored } from "./store-reply.ts";
import { limits } from "./limits.ts";

/** Finds where a body of that length goes; null: it is only passed on. */
export function roomFor<Body>(
  asked: AskedContent,
  { method, hasStandIn }: Replacing,
  reply: Answered<Body>,
  bytes: number,
  { region }: ContentPorts<Body>,
): LargeContent<Body> | null {
  const { large } = region;
  const isPlain = method === "GET" && asked.method === "GET" && !needsWhole(asked.fields);
  if (large === undefined || !isPlain || hasStandIn || reply.status !== 200) return null;
  return bytes <= large.bytesMax && large.hasRoom(asked.key) ? large : null;
}

/** Answers with a large body as it arrives, and stores it on its way. */
export async function storeLarge<Body>(
  asked: AskedContent,
  meta: StoredMeta,
  reply: Answered<Body>,
  large: LargeContent<Body>,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> {
  const arriving = reply.share(limits.storedBodyBytesMax);
  ports.background(arriving.done);
  const [body, stored] = [arriving.open(), arriving.follow?.() ?? null];
  if (body === null || stored === null || (await isPurgedMeanwhile(asked, meta, ports))) {
    reply.discard();
    return "purged";
  }
  const refusal = refusalNow(asked, reply, ports);
  const lease = asked.flight?.takeLease() ?? null;
  const settled = large.put(asked.key, meta, stored, lease);
  ports.background(settled);
  const isFromCache = reply.fields.some(([name]) => name === "age");
  const whole = Promise.resolve(null);
  const sharing = refusal === null ? { open: () => arriving.open(), whole, settled } : null;
  const answered = { meta, body };
  return {
    kind: "whole",
    stored: answered,
    fwdStatus: reply.status,
    isFromCache,
    refusal,
    sharing,
  };
}
