// The RegionCell: one region's replica of the registry, the configuration and the purges, and the
// only one that exchanges them with the origin. Thin: it opens the replica and keeps the alarm that
// drives the link.

import { DurableObject } from "cloudflare:workers";
import { log } from "../../doors/access-log.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import { REPLICA_TABLES, SqlReplicaStore } from "../../storage/sql-replica-store.ts";
import { migrate, type Sql } from "../../storage/sql.ts";
import { assert } from "../../sync/assert.ts";
import { parseReplicaId } from "../../sync/brand.ts";
import { openEdgeLink, type EdgeLink } from "../../sync/link/edge.ts";
import { limits } from "../limits.ts";
import { parseEdgeEnv, type EdgeEnv } from "../platform/env.ts";
import { openOriginLink, REGION_RANGE } from "../platform/origin-link.ts";
import type { OriginLink } from "../ports.ts";
import {
  RegionReplica,
  type DeviceDenial,
  type Purged,
  type RegionLease,
} from "../region-replica.ts";
import { replicate } from "../replicate.ts";

const MIGRATIONS: readonly string[] = [REPLICA_TABLES];

/** Where a cell's link stands. */
export interface CellReport {
  readonly replica: string;
  readonly replicaEpoch: number;
  /** The cell's own last change, and up to which the origin has confirmed to hold them. */
  readonly head: number;
  readonly cursor: number;
  /** When the origin last answered, epoch milliseconds; 0: not since the cell's start. */
  readonly heardMs: number;
  readonly isOriginAway: boolean;
  /** The highest seq of each writer's purges. */
  readonly purgeView: RegionLease["purgeView"];
}

export class RegionCell extends DurableObject<EdgeEnv> {
  readonly #region: string;
  readonly #sql: Sql;
  readonly #origin: OriginLink;
  #replica: RegionReplica;
  #link: EdgeLink;
  #isOriginAway = false;
  #heardMs = 0;
  /** When a lease was last asked for; 0: not since the start. */
  #askedMs = 0;
  /** When the alarm rings, epoch milliseconds; null: none is set, or not known yet. */
  #alarmMs: number | null = null;

  constructor(ctx: DurableObjectState, env: EdgeEnv) {
    super(ctx, env);
    const [region = "", rest] = (ctx.id.name ?? "").split("/");
    assert(rest === "cell", `A cell's name is region/cell, not ${ctx.id.name ?? "nothing"}`);
    const config = parseEdgeEnv(env);
    this.#region = region;
    this.#origin = openOriginLink(config.originUrl, config.linkKey, REGION_RANGE);
    this.#sql = openSql(ctx.storage);
    migrate(this.#sql, MIGRATIONS);
    this.#replica = this.#openReplica();
    this.#link = openEdgeLink(this.#replica.record);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmMs = await ctx.storage.getAlarm();
      // At its start a cell speaks to the origin, whatever alarm it had.
      this.#ring(Date.now());
    });
  }

  /** Tells an isolate what it has to know; null if that is what `known` names. */
  lease(known: string): RegionLease | null {
    const nowMs = Date.now();
    const wasIdle = nowMs - this.#askedMs >= limits.regionIdleAfterMs;
    this.#askedMs = nowMs;
    // A cell at rest that nobody asked may be a minute behind.
    if (wasIdle) this.#wake(nowMs);
    return this.#replica.lease(known);
  }

  /** Tells what the registry says against one device. */
  denialOf(device: string): DeviceDenial {
    return this.#replica.denialOf(device);
  }

  /** Marks scopes as purged. The answer leaves after the marks are on disk (output gate). */
  purge(scopes: readonly string[]): Purged {
    return this.#turn((nowMs) => this.#replica.purge(nowMs, scopes));
  }

  /** Refuses a device's tokens up to `generation`, with the origin reachable or not. */
  revoke(device: string, generation: number): void {
    this.#turn((nowMs) => this.#replica.revoke(nowMs, device, generation));
  }

  /** Tells where the link stands. */
  cellReport(): CellReport {
    const { replica, replicaEpoch, cursor } = this.#replica.record;
    return {
      replica,
      replicaEpoch,
      head: this.#replica.head,
      cursor: cursor.seq,
      heardMs: this.#heardMs,
      isOriginAway: this.#isOriginAway,
      purgeView: this.#replica.lease("")?.purgeView ?? [],
    };
  }

  /** Drives the link. Never throws: an alarm that does is retried only a few times. */
  override async alarm(): Promise<void> {
    this.#alarmMs = null;
    try {
      const ports = {
        origin: this.#origin,
        now: () => Date.now(),
        chance: () => Math.random(),
        log: (event: string, fields: Record<string, string | number>) =>
          log(event, { replica: this.#replica.record.replica, ...fields }),
      };
      const run = await replicate(this.#link, this.#replica, ports, true);
      this.#link = run.link;
      this.#isOriginAway = run.isOriginAway;
      if (!run.isOriginAway) this.#heardMs = Date.now();
      // A write during the exchange has set an alarm of its own; a back-off overrules it.
      if (run.isOriginAway) this.#alarmMs = null;
      this.#ring(Date.now() + (run.againInMs ?? this.#restMs()));
    } catch (error) {
      log("replicate-failed", { replica: `${this.#region}/region`, error: String(error) });
      // What is in memory may be ahead of what is on disk.
      this.#replica = this.#openReplica();
      this.#link = openEdgeLink(this.#replica.record);
      this.#ring(Date.now() + limits.syncRetryMsMax);
    }
  }

  /** Writes, and ends the object if that fails: what is in memory would not be what is stored. */
  #turn<T>(write: (nowMs: number) => T): T {
    const nowMs = Date.now();
    try {
      const written = write(nowMs);
      this.#wake(nowMs);
      return written;
    } catch (error) {
      log("region-cell-failed", { region: this.#region, error: String(error) });
      this.ctx.abort(String(error));
      throw error;
    }
  }

  /** How long the link rests when both ends hold everything. */
  #restMs(): number {
    const isIdle = Date.now() - this.#askedMs >= limits.regionIdleAfterMs;
    const restMs = isIdle ? limits.regionIdlePollMs : limits.regionPollMs;
    return restMs * (0.75 + Math.random() / 2);
  }

  #openReplica(): RegionReplica {
    const replica = parseReplicaId(`${this.#region}/region`);
    assert(replica !== null, `A region's name is 1 to 32 of a-z, 0-9 and -, not ${this.#region}`);
    return new RegionReplica(this.#region, replica, new SqlReplicaStore(this.#sql), newEpoch);
  }

  /** Speaks to the origin at once; while it is away the back-off's alarm stands. */
  #wake(nowMs: number): void {
    if (!this.#isOriginAway || this.#alarmMs === null) this.#ring(nowMs);
  }

  #ring(atMs: number): void {
    if (this.#alarmMs !== null && this.#alarmMs <= atMs) return;
    this.#alarmMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }
}

function newEpoch(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) || 1;
}
