// The RegionCell: one region's replica of the registry, the configuration and the purges, and the
// only one that exchanges them with the origin. Thin: it opens the replica and keeps the alarm that
// drives the link.

import { DurableObject } from "cloudflare:workers";
import { log } from "../../doors/access-log.ts";
import { drawNumber } from "../../doors/draw-number.ts";
import { SessionWaits } from "../../doors/session-waits.ts";
import type { SessionToken } from "../../doors/session.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import { REPLICA_TABLES, SqlReplicaStore } from "../../storage/sql-replica-store.ts";
import { migrate, numberOf, type Sql } from "../../storage/sql.ts";
import { assert } from "../../sync/assert.ts";
import type { RaisedAlert } from "../../state/alert.ts";
import type { Acknowledging, AlertPage, AlertQuery } from "../../state/alert-book.ts";
import { listPurges, type PurgePage } from "../../state/purge-history.ts";
import { devices, REGION_COLLECTIONS } from "../../state/region.ts";
import type { Answering, GivenCommand, Queueing } from "../../state/command-book.ts";
import type { AnswerState, HeldCommand } from "../../state/command.ts";
import type { HeldShadow, ShadowWrite } from "../../state/shadow-book.ts";
import type { ReadPatch } from "../../state/shadow.ts";
import { parseReplicaId, type DeviceId } from "../../sync/brand.ts";
import { hubTime } from "../../sync/link/hub-clock.ts";
import { EdgeSketch } from "../../sync/sketch/edge.ts";
import type { EdgeEncoding, Speech } from "../../sync/wire/encoding.ts";
import { EdgeRangeCoder } from "../../sync/wire/range/encoding.ts";
import type { DeviceDenial } from "../denials.ts";
import type { EdgeConfig } from "../config.ts";
import { limits } from "../limits.ts";
import { parseEdgeEnv, type EdgeEnv } from "../platform/env.ts";
import { hubsOf } from "../platform/hubs.ts";
import { LinkAlarm, spread } from "../platform/link-alarm.ts";
import { openOriginLink, PURGES_RANGE, REGION_RANGE } from "../platform/origin-link.ts";
import { Waiting } from "../platform/waiting.ts";
import type { DeviceHub } from "./device-hub.ts";
import { RegionCommands } from "../region-commands.ts";
import { RateBook } from "../telemetry/rate-limit.ts";
import {
  RegionReplica,
  type Purged,
  type RegionLease,
  type RegionOutage,
} from "../region-replica.ts";

const MIGRATIONS: readonly string[] = [
  REPLICA_TABLES,
  "create table heard (id integer primary key check (id = 1), origin_ms integer not null) without rowid",
];

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
  /** How its next frame will be said. */
  readonly speech: Speech;
  /** The highest seq of each writer's purges. */
  readonly purgeView: RegionLease["purgeView"];
}

/** Who holds a purge; `head` is to be given when asking again, null if the origin knows none yet. */
export interface AppliedPurge {
  readonly head: number | null;
  readonly regions: readonly string[];
}

/** Who may send, by what and whom the region denies, and by which keys. */
interface Admissions {
  readonly version: string;
  readonly text: string;
}

export class RegionCell extends DurableObject<EdgeEnv> {
  readonly #config: EdgeConfig;
  readonly #region: string;
  readonly #sql: Sql;
  readonly #alarm: LinkAlarm;
  #replica: RegionReplica;
  readonly #commands = new RegionCommands({
    replica: () => this.#replica,
    turn: (write) => this.#turn(write),
    nowMs: () => Date.now(),
    waiters: new Waiting(limits.commandWaitersMax),
  });
  /** Who may send, as the hubs were told last. */
  #admissions: Admissions;
  /** The rules, as the hubs were told last. */
  #rules: string;
  /** What they have to know of alerts elsewhere, as they were told last. */
  #elsewhere: string;
  /** When the link was last woken for a session. */
  #wokenMs = 0;
  readonly #sessions = new SessionWaits(() => Date.now());
  /** When a lease was last asked for; 0: not since the start. */
  #askedMs = 0;
  /** When the origin was last heard, by its own clock: in memory, and as it is written down. */
  #heard: { readonly ms: number; readonly storedMs: number };
  #outage: RegionOutage | null = null;
  readonly #purgers = new RateBook({
    namesMax: limits.ratedPurgersMax,
    burstMs: limits.rateBurstMs,
  });

  constructor(ctx: DurableObjectState, env: EdgeEnv) {
    super(ctx, env);
    const [region = "", rest] = (ctx.id.name ?? "").split("/");
    assert(rest === "cell", `A cell's name is region/cell, not ${ctx.id.name ?? "nothing"}`);
    const config = parseEdgeEnv(env);
    this.#config = config;
    this.#region = region;
    const origin = openOriginLink(config.originUrl, config.linkKey, REGION_RANGE);
    this.#alarm = new LinkAlarm(ctx.storage, origin, () => this.#newEncoding());
    this.#sql = openSql(ctx.storage);
    migrate(this.#sql, MIGRATIONS);
    this.#replica = this.#openReplica();
    const [row] = this.#sql.exec("select origin_ms from heard");
    const heardMs = row === undefined ? 0 : numberOf(row["origin_ms"]);
    this.#heard = { ms: heardMs, storedMs: heardMs };
    this.#admissions = admissionsOf(this.#replica, this.#outage);
    this.#rules = this.#rulesInForce();
    this.#elsewhere = this.#replica.alertsElsewhere();
    void ctx.blockConcurrencyWhile(async () => {
      await this.#alarm.open();
      // At its start a cell speaks to the origin, whatever alarm it had.
      this.#alarm.ring(Date.now());
    });
  }

  /** Tells an isolate what it has to know; null if that is what `known` names. */
  lease(known: string): RegionLease | null {
    const nowMs = Date.now();
    const wasIdle = nowMs - this.#askedMs >= limits.regionIdleAfterMs;
    this.#askedMs = nowMs;
    // A cell at rest that nobody asked may be a minute behind.
    if (wasIdle) this.#alarm.wake(nowMs);
    return this.#replica.lease(known, this.#outage);
  }

  /** Waits, though not for long, until all of a session is known here; false if it does not come. */
  seen(tokens: readonly SessionToken[]): Promise<boolean> {
    return this.#sessions.until(
      () => this.#replica.hasSeen(tokens),
      () => this.#wakeForSession(),
    );
  }

  /** Tells what the registry says against one device. */
  denialOf(device: string): DeviceDenial {
    return this.#replica.denialOf(device);
  }

  /** The same for who may do so only so often; milliseconds until it may: nothing is marked. */
  purgeLimited(scopes: readonly string[], by: string): Purged | { readonly waitMs: number } {
    const { purgesPerS, purgedScopesPerS } = limits;
    const usage = {
      purges: { amount: 1, perS: purgesPerS },
      scopes: { amount: scopes.length, perS: purgedScopesPerS },
    };
    const decision = this.#purgers.take(by, usage, Date.now());
    return decision.kind === "taken" ? this.purge(scopes, by) : { waitMs: decision.waitMs };
  }

  /** Marks scopes as purged. The answer leaves after the marks are on disk (output gate). */
  purge(scopes: readonly string[], by: string): Purged {
    return this.#turn((nowMs) => this.#replica.purge(nowMs, scopes, by));
  }

  /** Lists the last purges of all writers, as far as they are known here; the newest first. */
  purgesMade(most: number, cursor: string | null): PurgePage {
    return listPurges(this.#replica, most, cursor);
  }

  /** Asks the origin which regions hold a purge of this one; null: it does not say. */
  async appliedBy(seq: number, head: number | null): Promise<AppliedPurge | null> {
    const query = JSON.stringify({ writer: this.#region, seq, head });
    const { originUrl, linkKey } = this.#config;
    const link = openOriginLink(originUrl, linkKey, PURGES_RANGE);
    const outcome = await link.exchange(new TextEncoder().encode(query));
    if (outcome.kind !== "answered") return null;
    return JSON.parse(new TextDecoder().decode(outcome.frame)) as AppliedPurge;
  }

  /** Refuses a device's tokens up to `generation`, with the origin reachable or not. */
  revoke(device: string, generation: number): void {
    this.#turn((nowMs) => this.#replica.revoke(nowMs, device, generation));
    this.#tellHubs();
  }

  /** Finds a device's shadow; null: this region has never heard of the device. */
  shadow(device: DeviceId): HeldShadow | null {
    const { shadows } = this.#replica;
    const held = shadows.find(device);
    const isEmpty = held.version === 0 && held.reportedMs === null;
    return isEmpty && this.#replica.read(devices, device) === null ? null : held;
  }

  /** Writes what a device reports. The answer leaves after it is on disk (output gate). */
  report(device: DeviceId, patch: ReadPatch): ShadowWrite {
    return this.#turn((nowMs) => this.#replica.shadows.patch("reported", device, patch, nowMs));
  }

  commandsOf(device: DeviceId): HeldCommand[] {
    return this.#commands.list(device);
  }

  /** Gives a device what it is to do, and waits for it; what is given is marked as sent, on disk. */
  fetchCommands(device: DeviceId, waitMs: number): Promise<HeldCommand[]> {
    return this.#commands.fetch(device, waitMs);
  }

  queueCommand(device: DeviceId, given: GivenCommand, expiresMs: number): Queueing {
    return this.#commands.queue(device, given, expiresMs);
  }

  answerCommand(
    device: DeviceId,
    id: string,
    { state, result }: { readonly state: AnswerState; readonly result: string | null },
  ): Answering {
    return this.#commands.answer(device, id, state, result);
  }

  /** Tells a hub what rules there are; null if that is what `known` is. */
  rulesUnless(known: string): string | null {
    const rules = this.#rulesInForce();
    return rules === known ? null : rules;
  }

  /** Tells a hub of alerts that are not its own alone, as JSON; null if that is what `known` is. */
  elsewhereUnless(known: string): string | null {
    const elsewhere = this.#replica.alertsElsewhere();
    return elsewhere === known ? null : elsewhere;
  }

  /** Takes what a hub has raised, on disk (output gate), and sent at once; how many found no room. */
  raiseAlerts(raised: readonly RaisedAlert[]): number {
    return this.#turn((nowMs) => this.#replica.alerts.raise(raised, nowMs));
  }

  listAlerts(query: AlertQuery): AlertPage {
    return this.#replica.alerts.list(query);
  }

  acknowledgeAlert(id: string, by: string): Acknowledging {
    return this.#turn((nowMs) => this.#replica.alerts.acknowledge(id, by, nowMs));
  }

  /** Lets the link look for what the origin has just been told. */
  wakeLink(): void {
    this.#alarm.wake(Date.now());
  }

  /** Tells where the link stands. */
  cellReport(): CellReport {
    const { replica, replicaEpoch, cursor } = this.#replica.record;
    return {
      replica,
      replicaEpoch,
      head: this.#replica.head,
      cursor: cursor.seq,
      heardMs: this.#alarm.heardMs,
      isOriginAway: this.#alarm.isOriginAway,
      speech: this.#alarm.speech,
      purgeView: this.#replica.lease("")?.purgeView ?? [],
    };
  }

  override async alarm(): Promise<void> {
    const isWell = await this.#alarm.run(this.#replica, true, () => this.#restMs());
    if (!isWell) this.#replica = this.#openReplica();
    this.#noteOrigin();
    this.#tellHubs();
    this.#commands.refresh();
    this.#sessions.heard();
  }

  /**
   * Notes whether the origin answers. Only the link decides that: it is sealed, and no request of a
   * client has a part in it, so that nobody can have an expired credential honoured at will.
   */
  #noteOrigin(): void {
    if (this.#alarm.isOriginAway) {
      // Where it was never heard nobody can tell what expired since.
      if (this.#heard.ms > 0) this.#outage ??= { heardMs: this.#heard.ms };
      return;
    }
    this.#outage = null;
    if (this.#alarm.heardMs === 0) return;
    const { storedMs } = this.#heard;
    const ms = hubTime(this.#replica.record.clock, this.#alarm.heardMs);
    const isDue = ms - storedMs >= limits.heardEveryMs || ms < storedMs;
    if (isDue) this.#sql.exec("insert or replace into heard values (1, ?)", ms);
    this.#heard = { ms, storedMs: isDue ? ms : storedMs };
  }

  /** Writes, and ends the object if that fails: what is in memory would not be what is stored. */
  #turn<T>(write: (nowMs: number) => T): T {
    const nowMs = Date.now();
    try {
      const written = write(nowMs);
      this.#alarm.wake(nowMs);
      return written;
    } catch (error) {
      log("region-cell-failed", { region: this.#region, error: String(error) });
      this.ctx.abort(String(error));
      throw error;
    }
  }

  /** Lets the link speak soon; for however many sessions, no more often than for one. */
  #wakeForSession(): void {
    const nowMs = Date.now();
    if (Math.abs(nowMs - this.#wokenMs) < limits.sessionWakeMs) return;
    this.#wokenMs = nowMs;
    this.#alarm.wake(nowMs);
  }

  /** Tells the hubs if who may send has changed, or the rules have, or alerts elsewhere. */
  #tellHubs(): void {
    const known = this.#admissions;
    this.#admissions = admissionsOf(this.#replica, this.#outage, known);
    const rules = this.#rulesInForce();
    const elsewhere = this.#replica.alertsElsewhere();
    if (rules !== this.#rules || elsewhere !== this.#elsewhere)
      this.#callHubs((hub) => hub.rulesChanged());
    this.#rules = rules;
    this.#elsewhere = elsewhere;
    if (this.#admissions.text !== known.text)
      this.#callHubs((hub) => hub.admissionsChanged(this.#region));
  }

  #callHubs(call: (hub: DurableObjectStub<DeviceHub>) => Promise<void>): void {
    const told = hubsOf(this.env, this.#config, this.#region).map(call);
    const heard = Promise.all(told).catch((error: unknown) =>
      // Its streams look again before their next message is stored, and for rules it asks by itself.
      log("hub-not-told", { region: this.#region, error: String(error) }),
    );
    this.ctx.waitUntil(heard);
  }

  /** What is published goes before what was deployed. */
  #rulesInForce(): string {
    return this.#replica.rules() ?? JSON.stringify(this.#config.rules);
  }

  /** How long the link rests when both ends hold everything. */
  #restMs(): number {
    const isIdle = Date.now() - this.#askedMs >= limits.regionIdleAfterMs;
    return spread(isIdle ? limits.regionIdlePollMs : limits.regionPollMs);
  }

  /** How the link's frames are said: coded, and without what both ends hold should it begin anew. */
  #newEncoding(): EdgeEncoding {
    const sketch = new EdgeSketch(
      () => this.#replica,
      REGION_COLLECTIONS,
      (resync) => log("link-compared", { region: this.#region, ...resync }),
    );
    return sketch.serve(new EdgeRangeCoder());
  }

  #openReplica(): RegionReplica {
    const replica = parseReplicaId(`${this.#region}/region`);
    assert(replica !== null, `A region's name is 1 to 32 of a-z, 0-9 and -, not ${this.#region}`);
    return new RegionReplica(this.#region, replica, new SqlReplicaStore(this.#sql), drawNumber);
  }
}

function admissionsOf(
  replica: RegionReplica,
  outage: RegionOutage | null,
  known?: Admissions,
): Admissions {
  const lease = replica.lease(known?.version ?? "", outage);
  if (lease === null && known !== undefined) return known;
  return { version: lease?.version ?? "", text: JSON.stringify([lease?.denials, lease?.keys]) };
}
