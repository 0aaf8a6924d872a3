// How does the colo's tier stand before the region's? What is fresh there is served without a call to the
// cell; what is stale is only used if the cell has nothing. What the cell has or is given goes there too.
//
// Nothing there is deleted for a purge: it says what was known of purges when it was asked for, and is held
// against what is known now, as in every tier.
//
// It is waited for no longer than `coloPatienceMs`: one that hangs is as if there were none for a while, and
// what it was told goes on behind the request.

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
import { limits } from "./limits.ts";

/** What the tier needs besides what it stores. */
export interface ColoSurroundings extends Pick<
  ContentPorts<unknown>,
  "nowMs" | "background" | "purges" | "within"
> {
  readonly written: WrittenKeys;
  readonly rest: ColoRest;
}

/** Until when the tier is left alone; one isolate has one. */
export class ColoRest {
  #fromMs = -Infinity;

  /** Notes that it kept somebody waiting. */
  begin(nowMs: number): void {
    this.#fromMs = nowMs;
  }

  /** Tells whether it is to be left alone; a clock that is set back ends that. */
  isOn(nowMs: number): boolean {
    return this.#fromMs <= nowMs && nowMs < this.#fromMs + limits.coloRestMs;
  }
}

/** Puts the colo's tier before a region's. */
export function withColo<Body>(
  region: RegionContent<Body>,
  colo: ColoContent<Body>,
  around: ColoSurroundings,
): RegionContent<Body> {
  const store = (key: string, stored: StoredResponse<Body>): Promise<void> =>
    patient(() => storeUnlessWritten(colo, key, stored, around), undefined, around);
  return {
    async get(key, selecting, fillId) {
      const inColo = await patient(() => colo.get(key, linesOf(selecting)), ABSENT, around);
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
      const inRegion = await region.getTagged(key, tag);
      return inRegion ?? patient(() => colo.getTagged(key, tag), null, around);
    },
    async put(key, stored, lease) {
      // Until both have it, whoever comes joins the flight that brought it.
      await Promise.all([region.put(key, stored, lease), store(key, stored)]);
    },
    async delete(key) {
      // It is told of this also while it is left alone: what it has is older than the write.
      const inColo = around.within(colo.delete(key), limits.coloPatienceMs);
      await Promise.all([region.delete(key), inColo]);
    },
    claimFill: (id) => region.claimFill(id),
    endFill: (id, outcome) => region.endFill(id, outcome),
    ...(region.large === undefined ? {} : { large: region.large }),
  };
}

const ABSENT = { kind: "absent" } as const;

/** Waits for the tier, but not for long, and not while it is left alone. */
async function patient<T>(
  work: () => Promise<T>,
  otherwise: T,
  { within, nowMs, rest }: ColoSurroundings,
): Promise<T> {
  if (rest.isOn(nowMs())) return otherwise;
  const outcome = await within(work(), limits.coloPatienceMs);
  if (outcome !== "late") return outcome;
  rest.begin(nowMs());
  return otherwise;
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
