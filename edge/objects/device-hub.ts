// The DeviceHub: the only writer of its shards in its region. Thin: it opens the store, runs the
// use cases and keeps the alarm that drives the link.

import { DurableObject } from "cloudflare:workers";
import { log } from "../../doors/access-log.ts";
import { drawNumber } from "../../doors/draw-number.ts";
import type { GapRecord } from "../../state/gap.ts";
import { assert } from "../../sync/assert.ts";
import { parseReplicaId, type DeviceId, type ReplicaId } from "../../sync/brand.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { hubTime } from "../../sync/link/hub-clock.ts";
import type { DeviceRate } from "../config.ts";
import { GapLink } from "../gap-link.ts";
import { GroupCommit } from "../group-commit.ts";
import { latestOf, type LatestReading } from "../history/latest.ts";
import type { HistoryPage, HistoryQuery } from "../history/query.ts";
import { readHistory } from "../history/read-history.ts";
import { HubBuffer, type BufferReport } from "../hub-buffer.ts";
import { ingest, type IngestCommand, type IngestOutcome } from "../ingest.ts";
import { JournalReplica } from "../journal-replica.ts";
import { limits } from "../limits.ts";
import { LiveLink } from "../live-link.ts";
import { openCheckpoints } from "../platform/checkpoints.ts";
import { parseEdgeEnv, type EdgeEnv } from "../platform/env.ts";
import { LinkAlarm, spread } from "../platform/link-alarm.ts";
import { GAPS_RANGE, LIVE_RANGE, openOriginLink, THINNED_RANGE } from "../platform/origin-link.ts";
import { openCell, Regions } from "../platform/regions.ts";
import type { LiveStatus } from "../live/live-line.ts";
import type { LivePosition } from "../live/position.ts";
import type { LiveQuery } from "../live/query.ts";
import { LiveTail } from "./live-tail.ts";
import type { RegionCell } from "./region-cell.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import type { Sql } from "../../storage/sql.ts";
import { SqlHubStore } from "../platform/sql-hub-store.ts";
import { Sealing } from "../sealing.ts";
import { RateBook } from "../telemetry/rate-limit.ts";
import { ThinnedLink } from "../thinned-link.ts";
import { DeviceStreams } from "./device-streams.ts";
import { HubRules } from "./hub-rules.ts";
import { minuteOf, type DeviceState, type MinuteRollup } from "../telemetry/device-state.ts";
import { foldHeldMinute } from "../telemetry/held-minute.ts";

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
  readonly buffer: BufferReport;
  readonly storage: StorageReport;
}

/** What a hub's storage did since the hub started. */
export interface StorageReport {
  readonly readings: number;
  readonly commits: number;
  readonly rowsWritten: number;
  /** Entries, pages and items that were left out because their checksum is wrong. */
  readonly damaged: number;
}

export class DeviceHub extends DurableObject<EdgeEnv> {
  readonly #store: SqlHubStore;
  readonly #replica: ReplicaId;
  readonly #journal: JournalReplica;
  readonly #alarm: LinkAlarm;
  readonly #commits: GroupCommit;
  readonly #rate: DeviceRate;
  readonly #rates = new RateBook({
    namesMax: limits.devicesPerHubMax,
    burstMs: limits.rateBurstMs,
  });
  readonly #buffer: HubBuffer;
  readonly #live: LiveTail;
  readonly #gaps: GapLink;
  readonly #ahead: LiveLink;
  readonly #thinned: ThinnedLink;
  readonly #sealing: Sealing;
  readonly #sql: Sql;
  /** Where the journal and the count of rows stood when the hub started. */
  readonly #firstHead: number;
  readonly #firstRows: number;
  #readings = 0;
  /** Pages of readings that are being put together. */
  #pages = 0;
  readonly #regions: Regions;
  readonly #streams: DeviceStreams;
  readonly #rules: HubRules;

  constructor(ctx: DurableObjectState, env: EdgeEnv) {
    super(ctx, env);
    const replica = parseReplicaId((ctx.id.name ?? "").replace("/hub/", "/"));
    assert(replica !== null, `A hub's name is region/hub/range, not ${ctx.id.name ?? "nothing"}`);
    const config = parseEdgeEnv(env);
    this.#replica = replica;
    this.#rate = config.deviceRate;
    const checkpoints = openCheckpoints(ctx, openSql(ctx.storage), config.checkpoints);
    this.#sql = checkpoints.sql;
    this.#store = new SqlHubStore(this.#sql, drawNumber(), {
      journalBytesMax: config.buffer.bytesMax,
      gapBytesMax: config.buffer.events.bytesMax,
      onDamage: (what) => log("damaged", { replica, what }),
    });
    this.#firstHead = this.#store.extent().head;
    this.#firstRows = this.#sql.rowsWritten();
    this.#buffer = new HubBuffer(this.#store, config.buffer);
    this.#sealing = new Sealing(this.#store, {
      now: () => Date.now(),
      wait: (ms) => scheduler.wait(ms),
      failed: (error) => log("seal-failed", { replica, error: String(error) }),
    });
    this.#commits = new GroupCommit(this.#store, {
      now: () => Date.now(),
      sync: () => checkpoints.sync(),
      wait: (ms) => scheduler.wait(ms),
    });
    const { originUrl, linkKey } = config;
    const live = openOriginLink(originUrl, linkKey, LIVE_RANGE, limits.liveTimeoutMs);
    this.#ahead = new LiveLink(this.#store, live, () => Date.now());
    this.#journal = new JournalReplica(
      this.#store,
      replica,
      drawNumber,
      (bytes) => this.#buffer.acked(bytes, this.#originTime()),
      () => this.#ahead.frameBytes,
    );
    const origin = openOriginLink(config.originUrl, config.linkKey);
    this.#alarm = new LinkAlarm(ctx.storage, this.#ahead.between(origin));
    const gapsLink = openOriginLink(config.originUrl, config.linkKey, GAPS_RANGE);
    this.#gaps = new GapLink(this.#store, replica, gapsLink);
    const thinnedLink = openOriginLink(config.originUrl, config.linkKey, THINNED_RANGE);
    this.#thinned = new ThinnedLink(this.#store, replica, thinnedLink);
    this.#regions = new Regions(config, env);
    const region = replica.split("/")[0] ?? "";
    this.#streams = new DeviceStreams(ctx, {
      region,
      ingest: (command, batches) => this.#ingest(command, true, batches),
      bootsOf: (device) => bootsOf(this.#store.loadDevice(device)),
      guard: () => this.#regions.guardOf(region, (work) => ctx.waitUntil(work)),
      ring: (atMs) => this.#alarm.ring(atMs),
    });
    const cell = (): DurableObjectStub<RegionCell> => openCell(env, config, region);
    this.#rules = new HubRules(replica, this.#store, this.#sql, cell, (alerts) =>
      this.#live.raised(alerts),
    );
    this.#live = new LiveTail({
      store: this.#store,
      sync: () => ctx.storage.sync(),
      status: () => liveStatusOf(this.linkReport()),
      firing: () => this.#store.alerts.firing(),
    });
    void ctx.blockConcurrencyWhile(async () => {
      await this.#alarm.open();
      // What was answered before the first rules are known would never be looked at by them.
      if (this.#rules.isUntold) await this.#rules.look();
      // At its start a hub that holds anything speaks to the origin, whatever alarm it had.
      if (this.#store.extent().head > 0) this.#alarm.ring(Date.now() + limits.syncLingerMs);
    });
  }

  /** Commits a batch. The answer leaves once its commit, which others may share, is on disk (P1). */
  ingest(command: IngestCommand): Promise<IngestOutcome> {
    return this.#ingest(command, false);
  }

  async #ingest(
    command: IngestCommand,
    isGathered: boolean,
    batches?: readonly ReadingBatch[],
  ): Promise<IngestOutcome> {
    const nowMs = Date.now();
    const limited = this.#limit(command, nowMs);
    if (limited !== null) return limited;
    const originNowMs = this.#originTime();
    this.#buffer.shed(originNowMs);
    const outcome = ingest(
      command,
      this.#store,
      originNowMs,
      this.#buffer.admission(originNowMs, Math.random()),
      batches,
      this.#rules.watch,
    );
    if (outcome.kind === "committed" && outcome.accepted + outcome.conflicts > 0) {
      this.#alarm.wake(nowMs + limits.syncLingerMs);
      this.#sealing.commitCame();
      this.#readings += outcome.accepted + outcome.conflicts;
    }
    await this.#commits.settle(isGathered);
    this.#live.committed();
    this.#tellAlerts();
    if (this.#sealing.isDue) this.ctx.waitUntil(this.#sealing.run());
    return outcome;
  }

  /** Tells the region's cell what fired, behind the answer; what it does not take waits for the alarm. */
  #tellAlerts(): void {
    const telling = this.#rules.committed()?.then((isTold) => {
      if (!isTold) this.#alarm.ring(Date.now() + limits.syncRetryMsMax);
    });
    if (telling !== undefined) this.ctx.waitUntil(telling);
  }

  /** The region's cell says that the rules have changed, or alerts of other regions. */
  async rulesChanged(): Promise<void> {
    await this.#rules.look(true);
  }

  /** By the origin's clock, as far as it is known: this one's may be wrong. */
  #originTime(): number {
    return hubTime(this.#store.loadLink().clock, Date.now());
  }

  /** Counts a batch against its device's rate; only what was let in at the door comes this far. */
  #limit({ device, rate }: IngestCommand, nowMs: number): IngestOutcome | null {
    if (rate === undefined) return null;
    const readings = { amount: rate.readings, perS: rate.perS ?? this.#rate.readings };
    const requests = { amount: 1, perS: this.#rate.requests };
    const decision = this.#rates.take(device, { readings, requests }, nowMs);
    return decision.kind === "taken" ? null : { ...decision, kind: "rate-limited" };
  }

  /** Tells what this hub knows of a device. */
  async report(device: DeviceId): Promise<DeviceReport> {
    await this.#commits.settle();
    const state = this.#store.loadDevice(device);
    const latest = Object.values(state?.streams ?? {}).map(({ highWaterMs }) =>
      minuteOf(highWaterMs),
    );
    const minutes = Object.fromEntries(
      [...new Set(latest)].map((minuteMs) => [
        minuteMs,
        foldHeldMinute(device, minuteMs, this.#store),
      ]),
    );
    return { state, minutes, link: this.linkReport() };
  }

  /** Tells what a device's streams said last. */
  async latest(device: DeviceId): Promise<LatestReading[] | null> {
    await this.#commits.settle();
    return latestOf(device, this.#store);
  }

  /** Reads a page back, in slices: between two of them commits are let in. */
  async history(query: HistoryQuery): Promise<HistoryPage | "busy" | null> {
    if (this.#pages >= limits.historyPagesMax) return "busy";
    this.#pages += 1;
    try {
      await this.#commits.settle();
      const reading = readHistory(query, this.#store);
      let step = reading.next();
      for (; step.done !== true; step = reading.next()) await scheduler.wait(0);
      return step.value;
    } finally {
      this.#pages -= 1;
    }
  }

  /** Tells what was given up of a device's readings. */
  async gaps(device: DeviceId): Promise<GapRecord[]> {
    return this.#store.gaps.of(device);
  }

  /** Tells where the link stands. */
  linkReport(): LinkReport {
    const { head } = this.#store.extent();
    const { cursor } = this.#store.loadLink();
    const unackedBytes = this.#store.unackedBytes();
    const { isOriginAway } = this.#alarm;
    const storage = {
      readings: this.#readings,
      commits: head - this.#firstHead,
      rowsWritten: this.#sql.rowsWritten() - this.#firstRows,
      damaged: this.#store.damaged(),
    };
    const replica = this.#replica;
    const buffer = this.#buffer.report(this.#originTime());
    return { replica, head, cursor: cursor.seq, unackedBytes, isOriginAway, buffer, storage };
  }

  /** Opens a stream of what is committed from now on, or after a position; null: too many listen. */
  async live(query: LiveQuery, after: LivePosition | null): Promise<ReadableStream | null> {
    return this.#live.listen(query, after);
  }

  /** Opens a stream of readings. What its hello tells is on disk. */
  override async fetch(request: Request): Promise<Response> {
    await this.#commits.settle();
    return this.#streams.open(request);
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    this.#streams.receive(socket, data);
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    this.#streams.closed(socket, code);
  }

  override webSocketError(socket: WebSocket): void {
    this.#streams.closed(socket, 1006);
  }

  /** Looks again at who may send: the region's cell says that this has changed. */
  async admissionsChanged(region: string): Promise<void> {
    this.#regions.expire(region);
    await this.#streams.sweep();
  }

  override async alarm(): Promise<void> {
    // A hub under load is not sealed before it has time, and the link must not wait for that.
    this.ctx.waitUntil(this.#sealing.run().then(() => this.#makeRoom()));
    this.ctx.waitUntil(this.#rules.look());
    this.#tellAlerts();
    // Before any readings: whoever reads the totals is to know what is missing.
    await this.#gaps.send();
    const isMoreThinned = await this.#thinned.send();
    const isHeartbeatDue = Date.now() - this.#alarm.heardMs >= limits.heartbeatMs / 2;
    await this.#alarm.run(this.#journal, isHeartbeatDue, () => spread(limits.heartbeatMs));
    if (isMoreThinned) this.#alarm.ring(Date.now() + limits.syncLingerMs);
    // The origin came back after it was not told: what is missing must not wait for a heartbeat.
    else if (!this.#alarm.isOriginAway && this.#isAnythingUntold())
      this.#alarm.ring(Date.now() + limits.syncRetryMsMax);
    this.#live.linkRan();
    this.#buffer.shed(this.#originTime());
    this.#makeRoom();
    const lookMs = await this.#streams.sweep();
    if (lookMs !== null) this.#alarm.ring(lookMs);
  }

  #isAnythingUntold(): boolean {
    return this.#store.gaps.untold() > 0 || this.#store.thinned.bytes > 0;
  }

  /** After each run, because a hub under load is never at rest. */
  #makeRoom(): void {
    try {
      for (let turn = 0; turn < limits.dropTurnsMax; turn += 1) {
        if (!this.#store.makeRoom()) return;
      }
    } catch (error) {
      log("drop-failed", { replica: this.#replica, error: String(error) });
    }
  }
}

function bootsOf(state: DeviceState | null): Record<string, number> {
  const boots = state?.memory.boots ?? [];
  return Object.fromEntries(boots.map(({ boot, contiguous }) => [boot, contiguous]));
}

function liveStatusOf({ head, cursor, unackedBytes, isOriginAway }: LinkReport): LiveStatus {
  return { originAway: isOriginAway, behind: head - cursor, unackedBytes };
}
