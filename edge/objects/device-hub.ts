// The DeviceHub: the only writer of its shards in its region. Thin: it opens the store, runs the
// use cases and keeps the alarm that drives the link.

import { DurableObject } from "cloudflare:workers";
import { log } from "../../doors/access-log.ts";
import { assert } from "../../sync/assert.ts";
import { parseReplicaId, type DeviceId, type ReplicaId } from "../../sync/brand.ts";
import { hubTime, openEdgeLink, type EdgeLink } from "../../sync/link/edge.ts";
import { ingest, type IngestCommand, type IngestOutcome } from "../ingest.ts";
import { JournalReplica } from "../journal-replica.ts";
import { limits } from "../limits.ts";
import { parseEdgeEnv, type EdgeEnv } from "../platform/env.ts";
import { openOriginLink } from "../platform/origin-link.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import { SqlHubStore } from "../platform/sql-hub-store.ts";
import type { OriginLink } from "../ports.ts";
import { replicate, type ReplicatePorts } from "../replicate.ts";
import { minuteOf, type DeviceState, type MinuteRollup } from "../telemetry/device-state.ts";

/** What a hub tells of one device and of its link. */
export interface DeviceReport {
  readonly state: DeviceState | null;
  /** The aggregates of the minute of each stream's latest reading, by that minute's start. */
  readonly minutes: Readonly<Record<number, MinuteRollup>>;
  readonly link: LinkReport;
}

/** Where a hub's link stands. */
export interface LinkReport {
  readonly replica: string;
  readonly head: number;
  readonly cursor: number;
  readonly unackedBytes: number;
  readonly isOriginAway: boolean;
}

export class DeviceHub extends DurableObject<EdgeEnv> {
  readonly #store: SqlHubStore;
  readonly #replica: ReplicaId;
  readonly #origin: OriginLink;
  readonly #journal: JournalReplica;
  #link: EdgeLink;
  #isOriginAway = false;
  /** When the link was last known to be well, epoch milliseconds; 0: not since the start. */
  #heardMs = 0;
  /** When the alarm rings, epoch milliseconds; null: none is set, or not known yet. */
  #alarmMs: number | null = null;

  constructor(ctx: DurableObjectState, env: EdgeEnv) {
    super(ctx, env);
    const replica = parseReplicaId((ctx.id.name ?? "").replace("/hub/", "/"));
    assert(replica !== null, `A hub's name is region/hub/range, not ${ctx.id.name ?? "nothing"}`);
    const config = parseEdgeEnv(env);
    this.#replica = replica;
    this.#origin = openOriginLink(config.originUrl, config.linkKey);
    this.#store = new SqlHubStore(openSql(ctx.storage), newEpoch());
    this.#journal = new JournalReplica(this.#store, replica, newEpoch);
    this.#link = openEdgeLink(this.#journal.record);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmMs = await ctx.storage.getAlarm();
      // At its start a hub that holds anything speaks to the origin, whatever alarm it had.
      if (this.#store.extent().head > 0) this.#ring(Date.now() + limits.syncLingerMs);
    });
  }

  /** Commits a batch. The answer leaves after the commit is on disk (output gate). */
  async ingest(command: IngestCommand): Promise<IngestOutcome> {
    const nowMs = Date.now();
    // By the origin's clock, as far as it is known: this one's may be wrong.
    const originNowMs = hubTime(this.#store.loadLink().clock, nowMs);
    const outcome = this.#store.transaction(() => ingest(command, this.#store, originNowMs));
    if (outcome.kind === "committed" && outcome.accepted + outcome.conflicts > 0) {
      // While the origin is away the back-off's alarm stands; a commit must not shorten it.
      if (!this.#isOriginAway || this.#alarmMs === null) this.#ring(nowMs + limits.syncLingerMs);
    }
    return outcome;
  }

  /** Tells what this hub knows of a device. */
  async report(device: DeviceId): Promise<DeviceReport> {
    const state = this.#store.loadDevice(device);
    const latest = Object.values(state?.streams ?? {}).map(({ highWaterMs }) =>
      minuteOf(highWaterMs),
    );
    const minutes = Object.fromEntries(
      [...new Set(latest)].map((minuteMs) => [minuteMs, this.#store.loadRollup(device, minuteMs)]),
    );
    return { state, minutes, link: this.linkReport() };
  }

  /** Tells where the link stands. */
  linkReport(): LinkReport {
    const { head } = this.#store.extent();
    const { cursor } = this.#store.loadLink();
    const unackedBytes = this.#store.unackedBytes();
    const isOriginAway = this.#isOriginAway;
    return { replica: this.#replica, head, cursor: cursor.seq, unackedBytes, isOriginAway };
  }

  /** Drives the link. Never throws: an alarm that does is retried only a few times. */
  override async alarm(): Promise<void> {
    const nowMs = Date.now();
    this.#alarmMs = null;
    try {
      const ports: ReplicatePorts = {
        origin: this.#origin,
        now: () => Date.now(),
        chance: () => Math.random(),
        log: (event, fields) => log(event, { replica: this.#replica, ...fields }),
      };
      const run = await replicate(this.#link, this.#journal, ports, this.#isHeartbeatDue(nowMs));
      this.#link = run.link;
      if (!run.isOriginAway) this.#heardMs = Date.now();
      this.#isOriginAway = run.isOriginAway;
      this.#makeRoom();
      // A commit during the exchange has set an alarm of its own; a back-off overrules it.
      if (run.isOriginAway) this.#alarmMs = null;
      if (run.againInMs !== null) this.#ring(Date.now() + run.againInMs);
      else this.#rest();
    } catch (error) {
      log("replicate-failed", { replica: this.#replica, error: String(error) });
      this.#link = openEdgeLink(this.#journal.record);
      this.#ring(Date.now() + limits.syncRetryMsMax);
    }
  }

  /** After each run, because a hub under load is never at rest. */
  #makeRoom(): void {
    for (let turn = 0; turn < limits.dropTurnsMax; turn += 1) {
      if (!this.#store.dropAcknowledged()) return;
    }
  }

  /** Everything is at the origin: speaks again after a while. */
  #rest(): void {
    const spreadMs = limits.heartbeatMs * (0.75 + Math.random() / 2);
    this.#ring(Date.now() + spreadMs);
  }

  #isHeartbeatDue(nowMs: number): boolean {
    return nowMs - this.#heardMs >= limits.heartbeatMs / 2;
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
