// The OriginLink over HTTP: POST /v1/sync/{range}, sealed both ways.

import { downContext, importLinkKey, seal, unseal, upContext } from "../../doors/seal.ts";
import { FRAME_BYTES_MAX } from "../../sync/limits.ts";
import { limits } from "../limits.ts";
import type { ExchangeOutcome, OriginLink } from "../ports.ts";

/** The origin keeps the devices of all shards in one object, so every hub's link goes there. */
export const ORIGIN_RANGE = "00-ff";
/** The origin's registry, which the link of each region's cell goes to. */
export const REGION_RANGE = "region";
/** Who holds a purge, as far as the registry knows. */
export const PURGES_RANGE = "purges";
/** What hubs gave up, of all shards. */
export const GAPS_RANGE = "gaps";
/** The minutes of what they thinned. */
export const THINNED_RANGE = "thinned";
/** The newest readings of hubs that others wait at, of all shards. */
export const LIVE_RANGE = "live";

/** Opens the way to the origin's object for a range: for all shards, unless told. */
export function openOriginLink(
  originUrl: string,
  linkKey: string | null,
  range: string = ORIGIN_RANGE,
  timeoutMs: number = limits.exchangeTimeoutMs,
): OriginLink {
  const key = linkKey === null ? Promise.resolve(null) : importLinkKey(linkKey);
  return {
    async exchange(request) {
      try {
        return await exchange({ originUrl, range, timeoutMs }, await key, request);
      } catch (error) {
        return { kind: "failed", reason: error instanceof Error ? error.message : "no answer" };
      }
    },
  };
}

interface Way {
  readonly originUrl: string;
  readonly range: string;
  readonly timeoutMs: number;
}

async function exchange(
  { originUrl, range, timeoutMs }: Way,
  key: CryptoKey | null,
  request: Uint8Array,
): Promise<ExchangeOutcome> {
  if (key === null) return { kind: "failed", reason: "LINK_KEY is missing" };
  const sealed = await seal(key, upContext(range), request);
  const response = await fetch(`${originUrl}/v1/sync/${range}`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: sealed,
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    return { kind: "failed", reason: `the origin answered ${response.status}` };
  }
  const answer = new Uint8Array(await response.arrayBuffer());
  if (answer.length > FRAME_BYTES_MAX) return { kind: "failed", reason: "the answer is too large" };
  const frame = await unseal(key, downContext(range, sealed), answer);
  return frame === null
    ? { kind: "failed", reason: "the answer's seal is wrong" }
    : { kind: "answered", frame };
}
