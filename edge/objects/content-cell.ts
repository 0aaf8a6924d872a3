// The region's tier of the content cache: one Durable Object that all isolates of a region share.
// Thin: decodes nothing, decides nothing, its store does both.

import { DurableObject } from "cloudflare:workers";
import { linesOf, type FieldList } from "../../http/fields.ts";
import { OFFLINE_S_MAX } from "../../state/site.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import { within } from "../../doors/within.ts";
import { FillLeases, type FillOutcome } from "../cache/fill-leases.ts";
import type { StoredResponse } from "../cache/stored-response.ts";
import { WrittenKeys } from "../cache/written-keys.ts";
import { limits } from "../limits.ts";
import type { EdgeEnv } from "../platform/env.ts";
import { SqlContentStore } from "../platform/sql-content-store.ts";

/** What a cell has for a request. */
export interface CellFinding {
  readonly stored: StoredResponse<Uint8Array> | null;
  readonly tags: readonly string[];
  /** Nobody is asking the upstream for it, and who called is the one to ask. */
  readonly isClaimed: boolean;
}

/** What is to be stored, and the fill that this ends; null: none. */
export interface CellSave {
  readonly key: string;
  readonly stored: StoredResponse<Uint8Array>;
  readonly lease: string | null;
}

/** Stored responses of one region, by cache key. */
export class ContentCell extends DurableObject<EdgeEnv> {
  readonly #store: SqlContentStore;
  readonly #written = new WrittenKeys({
    keysMax: limits.writtenKeysMax,
    keptMs: limits.writtenKeptMs,
  });

  readonly #fills = new FillLeases({
    leaseMs: limits.lockTimeoutMs,
    unsharedMs: limits.hitForMissMs,
    targetsMax: limits.knownTargetsMax,
    waitersMax: limits.fillWaitersMax,
  });

  constructor(ctx: DurableObjectState, env: EdgeEnv) {
    super(ctx, env);
    this.#store = new SqlContentStore(openSql(ctx.storage), {
      bytesMax: limits.cellBytesMax,
      variantsMax: limits.variantsPerKeyMax,
      staleMsMax: OFFLINE_S_MAX * 1000,
    });
  }

  /**
   * Gives what is stored under a key for a request, fresh or not; if nothing is, the entity tags of
   * the other variants.
   *
   * @param fillId  What is claimed if nothing is stored and nobody is filling it; null: nothing.
   */
  load(key: string, selecting: FieldList, fillId: string | null): CellFinding {
    const nowMs = Date.now();
    const stored = this.#store.get(key, nowMs, linesOf(selecting));
    if (stored !== null) return { stored, tags: [], isClaimed: false };
    const isClaimed = fillId !== null && this.#fills.claimFree(fillId, nowMs);
    return { stored, tags: this.#store.tags(key, nowMs), isClaimed };
  }

  /** Gives the variant with an entity tag. */
  loadTagged(key: string, tag: string): StoredResponse<Uint8Array> | null {
    return this.#store.getTagged(key, tag, Date.now());
  }

  /** Stores responses, in one commit, unless a newer one, or a write, is there. */
  save(all: readonly CellSave[]): void {
    for (const { key, stored, lease } of all) {
      const isOutdated = this.#written.isSince(key, stored.meta.requestMs);
      const isStored = !isOutdated && this.#store.put(key, stored, Date.now());
      if (lease !== null) this.endFill(lease, isStored ? "stored" : "failed");
    }
  }

  /** Claims the fill of what `id` names, and waits for whoever has it, for no longer than a lease. */
  async claimFill(id: string): Promise<"fill" | "stored" | "alone"> {
    const untilMs = Date.now() + limits.lockTimeoutMs;
    for (;;) {
      const claim = this.#fills.claim(id, Date.now());
      if (claim.kind !== "wait") return claim.kind;
      const outcome = await within(claim.settled, claim.waitMs);
      this.#fills.leave();
      if (outcome === "stored") return "stored";
      if (outcome !== "late") return "alone";
      // Its lease is over: the first that asks again has the next, unless too much time is gone.
      if (Date.now() > untilMs) return "alone";
    }
  }

  endFill(id: string, outcome: FillOutcome): void {
    this.#fills.settle(id, outcome, Date.now());
  }

  /** Forgets what is stored under a key. */
  drop(key: string): void {
    this.#written.note(key, Date.now());
    this.#store.delete(key);
  }
}
