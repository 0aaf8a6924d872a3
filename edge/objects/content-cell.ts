// The region's tier of the content cache: one Durable Object that all isolates of a region share.
// Thin: decodes nothing, decides nothing, its store does both.

import { DurableObject } from "cloudflare:workers";
import { linesOf, type FieldList } from "../../http/fields.ts";
import { OFFLINE_S_MAX } from "../../state/site.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import { log } from "../../doors/access-log.ts";
import { within } from "../../doors/within.ts";
import { assert } from "../../sync/assert.ts";
import { FillLeases, type FillOutcome } from "../cache/fill-leases.ts";
import { NO_PURGES, PurgeBook } from "../cache/purge-book.ts";
import type { StoredMeta, StoredResponse } from "../cache/stored-response.ts";
import { WrittenKeys } from "../cache/written-keys.ts";
import { limits } from "../limits.ts";
import { encodeHandle, type LargeHandle } from "../platform/large-body.ts";
import { parseEdgeEnv, type EdgeEnv } from "../platform/env.ts";
import { SqlContentStore } from "../platform/sql-content-store.ts";
import type { RegionLease } from "../region-replica.ts";
import { savePages } from "../save-pages.ts";

/** What a cell has for a request. */
export interface CellFinding {
  readonly stored: StoredResponse<Uint8Array> | null;
  readonly tags: readonly string[];
  /** What was stored there was not whole, and is gone now. */
  readonly isDamaged: boolean;
  /** Nobody is asking the upstream for it, and who called is the one to ask. */
  readonly isClaimed: boolean;
}

/** What is to be stored, and the fill that this ends; null: none. */
export interface CellSave {
  readonly key: string;
  readonly stored: StoredResponse<Uint8Array>;
  readonly lease: string | null;
}

/** A large body that was sent to the bucket, and what it belongs to. */
export interface LargeSave {
  readonly key: string;
  readonly meta: StoredMeta;
  readonly handle: LargeHandle;
  readonly lease: string | null;
}

/** What was known of a region's purges when it was asked last; opaque `version`. */
interface KnownPurges {
  readonly version: string;
  readonly book: PurgeBook;
}

/** Stored responses of one region, by cache key. */
export class ContentCell extends DurableObject<EdgeEnv> {
  readonly #store: SqlContentStore;
  readonly #bytesMax: number;
  readonly #bucketBytesMax: number;
  /** Its region; of whose purges it asks only when it is full. */
  readonly #region: string;
  #purges: KnownPurges = { version: "", book: NO_PURGES };
  #purgesAskedMs = -Infinity;
  /** When the alarm rings, as far as is known since the object began; Infinity: not. */
  #ringsMs = Infinity;
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
    const [region = "", rest] = (ctx.id.name ?? "").split("/");
    assert(rest === "cell", `A cell's name is region/cell/number, not ${ctx.id.name ?? "nothing"}`);
    this.#region = region;
    // A setting that is wrong is told by the doors; a cell goes on with what it has.
    const { cellBytesMax, bucketBytesMax } = parseEdgeEnv(env);
    this.#bytesMax = cellBytesMax;
    this.#bucketBytesMax = bucketBytesMax;
    this.#store = new SqlContentStore(openSql(ctx.storage), {
      bytesMax: cellBytesMax,
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
    const damaged = this.#store.damaged;
    const stored = this.#store.get(key, nowMs, linesOf(selecting));
    if (stored !== null) return { stored, tags: [], isDamaged: false, isClaimed: false };
    const isDamaged = this.#store.damaged > damaged;
    const isClaimed = fillId !== null && this.#fills.claimFree(fillId, nowMs);
    return { stored, tags: this.#store.tags(key, nowMs), isDamaged, isClaimed };
  }

  /** Gives the variant with an entity tag. */
  loadTagged(key: string, tag: string): StoredResponse<Uint8Array> | null {
    return this.#store.getTagged(key, tag, Date.now());
  }

  /** Stores responses, in one commit, unless a newer one, or a write, is there; one that fails fails alone. */
  save(all: readonly CellSave[]): void {
    const put = ({ key, stored }: CellSave): boolean =>
      !this.#written.isSince(key, stored.meta.requestMs) &&
      this.#store.put(key, stored, Date.now(), this.#isPurged);
    savePages(all, put, ({ lease }, saved) => {
      if (saved.kind === "failed") {
        log("page-not-saved", { region: this.#region, error: String(saved.error) });
      }
      if (lease !== null) this.endFill(lease, saved.kind === "stored" ? "stored" : "failed");
    });
    this.#ring();
    if (this.#store.bytes() > limits.cellSweepShare * this.#bytesMax) void this.#askPurges();
  }

  readonly #isPurged = (key: string, meta: StoredMeta): boolean =>
    this.#purges.book.isPurged(key, meta);

  /** Asks what has been purged: what is dead goes first when room is needed. Never rejects. */
  async #askPurges(): Promise<void> {
    const nowMs = Date.now();
    if (Math.abs(nowMs - this.#purgesAskedMs) < limits.cellSweepEveryMs) return;
    this.#purgesAskedMs = nowMs;
    try {
      const { REGION_CELL } = this.env;
      const cell = REGION_CELL.get(REGION_CELL.idFromName(`${this.#region}/cell`));
      // The call's type loses the tuples of the lists; the value is what `lease` returned.
      const lease = (await cell.lease(this.#purges.version)) as unknown as RegionLease | null;
      if (lease === null) return;
      this.#purges = { version: lease.version, book: new PurgeBook(lease) };
      this.#store.sweepAnew();
    } catch (error) {
      log("purges-not-known", { region: this.#region, error: String(error) });
    }
  }

  /** Claims the fill of what `id` names, and waits for whoever has it, for no longer than a lease. */
  async claimFill(id: string): Promise<"fill" | "stored" | "alone"> {
    const untilMs = Date.now() + limits.lockTimeoutMs;
    for (;;) {
      const claim = this.#fills.claim(id, Date.now());
      if (claim.kind !== "wait") return claim.kind;
      const waitMs = Math.min(claim.waitMs, untilMs - Date.now());
      const outcome = await within(claim.settled, waitMs);
      this.#fills.leave();
      if (outcome === "stored") return "stored";
      if (outcome !== "late") return "alone";
      // Its lease is over: the first that asks again has the next, unless too much time is gone.
      if (Date.now() >= untilMs) return "alone";
    }
  }

  endFill(id: string, outcome: FillOutcome): void {
    this.#fills.settle(id, outcome, Date.now());
  }

  /** Forgets a body that is not what its digest says, and whatever refers to it. */
  dropBody(digest: string): void {
    this.#store.deleteBody(digest);
    this.#ring();
  }

  /** Notes that a large body is about to be sent; false: it is not to be. */
  beginLarge(key: string, object: string, bytes: number, requestMs: number): boolean {
    const isOutdated = this.#written.isSince(key, requestMs);
    if (isOutdated || bytes > this.#bucketBytesMax) return false;
    this.#store.bucket.begin(object, key, Date.now() + limits.largeFillMsMax);
    this.#ring();
    return true;
  }

  /** Stores what a large body belongs to; false: it was written meanwhile, or is too late. */
  saveLarge({ key, meta, handle, lease }: LargeSave): boolean {
    const nowMs = Date.now();
    const { bucket } = this.#store;
    if (!bucket.claim(handle.object, key)) {
      this.abandonLarge(handle.object);
      if (lease !== null) this.endFill(lease, "failed");
      return false;
    }
    const surplus = bucket.bytes() + handle.bytes - this.#bucketBytesMax;
    if (surplus > 0) for (const digest of bucket.oldest(surplus)) this.#store.deleteBody(digest);
    const object = bucket.add(handle.digest, handle.object, handle.bytes, nowMs);
    const stored = {
      meta: { ...meta, isInBucket: true, bodyDigest: handle.digest },
      body: encodeHandle({ ...handle, object }),
    } as const;
    const isStored =
      bucket.bytes() <= this.#bucketBytesMax && this.#store.put(key, stored, nowMs, this.#isPurged);
    bucket.settle(handle.digest);
    if (lease !== null) this.endFill(lease, isStored ? "stored" : "failed");
    this.#ring();
    return isStored;
  }

  /** Ends a large body that did not come to its end. */
  abandonLarge(object: string): void {
    this.#store.bucket.abandon(object);
    this.#ring();
  }

  /** Deletes what in the bucket is nobody's. */
  override async alarm(): Promise<void> {
    const { bucket } = this.#store;
    this.#ringsMs = Infinity;
    const objects = bucket.due(Date.now(), limits.orphansPerSweep);
    // Without a bucket there is nothing to delete: one that was bound once has its own rules of age.
    if (objects.length > 0) await this.env.BODIES?.delete([...objects]);
    bucket.deleted(objects);
    this.#ring();
  }

  /** Has the alarm ring when the next object is to be deleted. */
  #ring(): void {
    if (this.env.BODIES === undefined) return;
    const dueMs = this.#store.bucket.nextDueMs();
    // One that is set is not put off by what comes meanwhile.
    if (dueMs === null || dueMs >= this.#ringsMs) return;
    this.#ringsMs = Math.max(dueMs, Date.now() + limits.orphanSweepMs);
    void this.ctx.storage.setAlarm(this.#ringsMs);
  }

  /** Forgets what is stored under a key. */
  drop(key: string): void {
    this.#written.note(key, Date.now());
    this.#store.delete(key);
    this.#store.bucket.forget(key);
    this.#ring();
  }
}
