// The registry: which devices there are, the configuration, the issuers' keys and the purges, as the
// hub of the links of all regions. One object. Thin: it opens the replica and hands over.

import { DurableObject } from "cloudflare:workers";
import { log } from "../../doors/access-log.ts";
import { drawNumber } from "../../doors/draw-number.ts";
import type { Denial } from "../../doors/guard.ts";
import { readIssuers } from "../../state/issuers.ts";
import { SessionWaits } from "../../doors/session-waits.ts";
import type { SessionToken } from "../../doors/session.ts";
import { NAMED_MARKS_MAX, ORIGIN_WRITER } from "../../state/purge-scope.ts";
import { ISSUERS, keys, parsePurgeKey, purges, REGION_COLLECTIONS } from "../../state/region.ts";
import { listPurges, type PurgePage } from "../../state/purge-history.ts";
import {
  AlertBook,
  type Acknowledging,
  type AlertPage,
  type AlertQuery,
} from "../../state/alert-book.ts";
import { CommandBook, type GivenCommand, type Queueing } from "../../state/command-book.ts";
import type { HeldCommand } from "../../state/command.ts";
import { ShadowBook, type HeldShadow, type ShadowWrite } from "../../state/shadow-book.ts";
import type { ReadPatch } from "../../state/shadow.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import { REPLICA_TABLES, SqlReplicaStore } from "../../storage/sql-replica-store.ts";
import { migrate, numberOf, textOf, type Sql } from "../../storage/sql.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { Versioned } from "../../sync/crdt/versioned.ts";
import { KEPT_BYTES_MAX } from "../../sync/limits.ts";
import type { RefusedEntry } from "../../sync/replica/hub-replica.ts";
import type { Exchange, HubReplica } from "../../sync/replica/hub-replica.ts";
import { SketchingHub } from "../../sync/sketch/hub.ts";
import { HubRangeCoder } from "../../sync/wire/range/encoding.ts";
import type { DeviceChange, DeviceRow, RegisteredDevice } from "../fleet/device.ts";
import {
  DeviceRegistry,
  takeOver,
  type DevicePage,
  type Registration,
} from "../fleet/device-registry.ts";
import {
  areKeysNew,
  configOf,
  publishConfig,
  namesVersion,
  publishKeys,
  type ConfigPublication,
  type HashedText,
} from "../fleet/published.ts";
import {
  decideKeys,
  formatIssuers,
  issuersOf,
  withDeployed,
  type KeyChange,
  type KeyDecision,
} from "../fleet/issuing.ts";
import { OriginPurges } from "../fleet/purging.ts";
import { limits } from "../limits.ts";
import { parseOriginEnv, type OriginEnv } from "../platform/env.ts";
import { hashText } from "../platform/registry.ts";

const MIGRATIONS: readonly string[] = [
  "create table device (id text primary key, generation integer not null, registered_ms integer not null) without rowid",
  REPLICA_TABLES,
];

/** Whose purge is asked about. */
export interface AppliedQuery {
  readonly writer: string;
  readonly seq: number;
  readonly head: number | null;
}

/** Who holds a purge. */
export interface AppliedPurge {
  readonly head: number | null;
  readonly regions: readonly string[];
}

/** What became of a frame. */
export type RegionExchange =
  | {
      readonly kind: "answered";
      readonly answer: Uint8Array;
      readonly outcome: string;
      readonly links: number;
    }
  | Exclude<Exchange, { readonly kind: "answered" }>;

export class Registry extends DurableObject<OriginEnv> {
  readonly #replica: HubReplica;
  readonly #devices: DeviceRegistry;
  readonly #purges: OriginPurges;
  readonly #shadows: ShadowBook;
  readonly #commands: CommandBook;
  readonly #alerts: AlertBook;
  #sweptMs = 0;
  #alertsSweptMs = 0;
  /** The highest seq of each region's purges. */
  readonly #marked = new Map<string, number>();
  readonly #sessions = new SessionWaits(() => Date.now());
  /** The JWK set of the deployment; empty if it has none. */
  readonly #deployedKeys: string;

  constructor(ctx: DurableObjectState, env: OriginEnv) {
    super(ctx, env);
    const sql = openSql(ctx.storage);
    migrate(sql, MIGRATIONS);
    this.#replica = new SketchingHub({
      collections: REGION_COLLECTIONS,
      store: new SqlReplicaStore(sql),
      newNumber: drawNumber,
      leaseMs: limits.regionLeaseMs,
      onRefused: logRefused,
    });
    new HubRangeCoder().serve(this.#replica);
    if (!this.#replica.isWhole) log("registry-damaged", {});
    takeOverTable(sql, this.#replica);
    this.#devices = new DeviceRegistry(this.#replica, {
      devicesMax: limits.registryDevicesMax,
      namesMax: limits.registryNamesMax,
    });
    this.#purges = new OriginPurges(this.#replica, NAMED_MARKS_MAX);
    this.#shadows = new ShadowBook(this.#replica);
    this.#commands = new CommandBook(this.#replica);
    this.#alerts = new AlertBook(this.#replica);
    this.#noteMarks(this.#replica.readAll(purges).keys());
    this.#deployedKeys = parseOriginEnv(this.env).issuerKeys ?? "";
    // The environment of an object does not change while it lives.
    void ctx.blockConcurrencyWhile(() => this.#publishKeys());
  }

  /** Takes one request of a region's link. The answer leaves after what it says is on disk. */
  async exchange(frame: Uint8Array): Promise<RegionExchange> {
    const exchange = this.#turn(() => this.#replica.exchange(frame, Date.now()));
    if (exchange.kind === "no-room") log("replica-refused", { replica: exchange.replica });
    if (exchange.kind !== "answered") return exchange;
    const { kind, answer, outcome, frame: read } = exchange;
    // The region speaks a version, or sends collections, that only a newer release takes.
    if (outcome === "unsupported") log("link-waits", this.kept());
    for (const { collection, keys: sent } of read?.groups ?? []) this.#noteKeys(collection, sent);
    this.#sessions.heard();
    this.#sweepCommands();
    this.#sweepAlerts();
    return { kind, answer, outcome, links: this.#replica.links().length };
  }

  /** What waits of collections that this release does not know: past the bound their links wait. */
  kept(): { readonly bytes: number; readonly bytesMax: number } {
    return { bytes: this.#replica.keptBytes, bytesMax: KEPT_BYTES_MAX };
  }

  /** Registers a device; registering it again changes nothing. */
  async register(device: DeviceId): Promise<Registration> {
    return this.#turn(() => this.#devices.register(device, Date.now()));
  }

  async find(device: DeviceId): Promise<RegisteredDevice | null> {
    return this.#devices.find(device);
  }

  /** Tells what stands against a device's tokens. */
  async denialOf(device: string): Promise<Denial> {
    return this.#devices.denialOf(device);
  }

  /** Lists devices by name, at most `most`, after the name `after`. */
  async list(after: string, most: number): Promise<DevicePage> {
    return this.#devices.list(after, most);
  }

  async rotate(device: DeviceId): Promise<RegisteredDevice | null> {
    return this.#turn(() => this.#devices.rotate(device, Date.now()));
  }

  async change(device: DeviceId, change: DeviceChange): Promise<RegisteredDevice | null> {
    return this.#turn(() => this.#devices.change(device, change, Date.now()));
  }

  async decommission(device: DeviceId): Promise<boolean> {
    return this.#turn(() => {
      this.#shadows.forget(device, Date.now());
      this.#commands.forget(device, Date.now());
      this.#alerts.forget(device, Date.now());
      return this.#devices.decommission(device, Date.now());
    });
  }

  /** Finds a device's shadow; null: it is not registered, and nothing was heard of it. */
  async shadow(device: DeviceId): Promise<HeldShadow | null> {
    const held = this.#shadows.find(device);
    const isKnown = this.#devices.find(device) !== null || held.reportedMs !== null;
    return isKnown ? held : null;
  }

  /** Writes what is desired of a device; null: it is not registered. */
  async desire(device: DeviceId, patch: ReadPatch, ifMatch: string): Promise<ShadowWrite | null> {
    if (this.#devices.find(device) === null) return null;
    const isCurrent = (version: number): boolean => namesVersion(ifMatch, version);
    return this.#turn(() => this.#shadows.patch("desired", device, patch, Date.now(), isCurrent));
  }

  /** Lists a device's commands; null: it is not registered, and there are none. */
  async commandsOf(device: DeviceId): Promise<HeldCommand[] | null> {
    const held = this.#commands.list(device, Date.now());
    return held.length === 0 && this.#devices.find(device) === null ? null : held;
  }

  /** Gives a device something to do; null: it is not registered. */
  async queueCommand(
    device: DeviceId,
    given: GivenCommand,
    expiresMs: number,
  ): Promise<Queueing | null> {
    if (this.#devices.find(device) === null) return null;
    return this.#turn(() => this.#commands.queue(device, given, expiresMs, Date.now()));
  }

  /** Lists alerts of all regions. */
  async listAlerts(query: AlertQuery): Promise<AlertPage> {
    return this.#alerts.list(query);
  }

  async acknowledgeAlert(id: string, by: string): Promise<Acknowledging> {
    return this.#turn(() => this.#alerts.acknowledge(id, by, Date.now()));
  }

  #noteKeys(collection: number, sent: readonly string[]): void {
    this.#shadows.note(collection, sent);
    this.#commands.note(collection, sent);
    if (collection === purges.id) this.#noteMarks(sent);
  }

  #noteMarks(marks: Iterable<string>): void {
    for (const key of marks) {
      const { writer } = parsePurgeKey(key);
      const seq = this.#replica.read(purges, key) ?? 0;
      if (seq > (this.#marked.get(writer) ?? 0)) this.#marked.set(writer, seq);
    }
  }

  /** Drops commands that have been over for long enough, once a while. */
  #sweepCommands(): void {
    const nowMs = Date.now();
    if (Math.abs(nowMs - this.#sweptMs) < limits.commandSweepMs) return;
    this.#sweptMs = nowMs;
    this.#turn(() => this.#commands.sweep(nowMs));
  }

  /** Forgets alerts that have been over for long enough, once a while. */
  #sweepAlerts(): void {
    const nowMs = Date.now();
    if (Math.abs(nowMs - this.#alertsSweptMs) < limits.alertSweepMs) return;
    this.#alertsSweptMs = nowMs;
    this.#turn(() => this.#alerts.sweep(nowMs));
  }

  /** The seq of the last change: a session that names it sees all of them. */
  async head(): Promise<number> {
    return this.#replica.head;
  }

  /** Waits, though not for long, until all of a session is known here; false if it does not come. */
  async seen(tokens: readonly SessionToken[]): Promise<boolean> {
    const seqOf = (writer: string): number =>
      writer === ORIGIN_WRITER ? this.#replica.head : (this.#marked.get(writer) ?? 0);
    return this.#sessions.until(
      () => tokens.every(({ writer, seq }) => seqOf(writer) >= seq),
      // A region that has something to say speaks by itself.
      () => undefined,
    );
  }

  /**
   * Tells which regions hold a purge, by what they have acknowledged of this history.
   *
   * @param head  From an earlier answer; null: not asked before.
   * @returns `head`: the purge is at or before it; null: it is not known here yet.
   */
  async applied({ writer, seq, head }: AppliedQuery): Promise<AppliedPurge> {
    if ((this.#marked.get(writer) ?? 0) < seq) return { head: null, regions: [] };
    const at = head ?? this.#replica.head;
    const holders = this.#replica.links().flatMap(({ replica, acked, isDormant }) => {
      const [region = "", rest] = replica.split("/");
      return isDormant !== true && rest === "region" && acked.seq >= at ? [region] : [];
    });
    return { head: at, regions: [...new Set(holders)] };
  }

  /** The configuration in force; version 0 if none was published. */
  async config(): Promise<Versioned> {
    return configOf(this.#replica);
  }

  async publishConfig(text: HashedText, ifMatch: string | null): Promise<ConfigPublication> {
    return this.#turn(() => publishConfig(this.#replica, text, ifMatch, Date.now()));
  }

  /** The issuers' keys as they are replicated; null if there are none. */
  async issuers(): Promise<string | null> {
    return this.#replica.read(keys, ISSUERS)?.content ?? null;
  }

  /** Adds or retires a key of the issuers, for all regions once they have heard of it. */
  async changeKeys(change: KeyChange): Promise<KeyDecision> {
    const decision = decideKeys(issuersOf(this.#replica), change);
    if (decision.kind === "changed") {
      const text = await hashText(formatIssuers(decision.issuers, this.#deployedKeys));
      this.#turn(() => publishKeys(this.#replica, text, Date.now()));
    }
    return decision;
  }

  /** Marks what is stored under a scope as purged, in all regions once they have heard of it. */
  async purge(scope: string): Promise<number> {
    return this.#turn(() => this.#purges.purge(scope, Date.now()));
  }

  /** Lists the last purges of all writers; the newest first. */
  async purgesMade(most: number, cursor: string | null): Promise<PurgePage> {
    return listPurges(this.#replica, most, cursor);
  }

  async #publishKeys(): Promise<void> {
    const deployed = readIssuers(this.#deployedKeys);
    if (deployed === null) return;
    const issuers = withDeployed(issuersOf(this.#replica), deployed.keys);
    const content = formatIssuers(issuers, this.#deployedKeys);
    if (!areKeysNew(this.#replica, content)) return;
    const text = await hashText(content);
    this.#turn(() => publishKeys(this.#replica, text, Date.now()));
  }

  /** Ends the object if a write fails: what is in memory would not be what is stored. */
  #turn<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      log("registry-failed", { error: String(error) });
      this.ctx.abort(String(error));
      throw error;
    }
  }
}

/** Names what a region sent and may not write: the first, and how many there are. */
function logRefused(refused: readonly RefusedEntry[]): void {
  const [first] = refused;
  log("entries-refused", { ...first, key: first?.key.slice(0, 80) ?? "", count: refused.length });
}

/** Takes over the devices of a registry that was not replicated yet, once. */
function takeOverTable(sql: Sql, replica: HubReplica): void {
  if (sql.exec("select 1 from sqlite_schema where name = 'device'").length === 0) return;
  sql.transaction(() => {
    const rows = sql.exec("select * from device order by id").map((row): DeviceRow => ({
      device: textOf(row["id"]),
      generation: numberOf(row["generation"]),
      registeredMs: numberOf(row["registered_ms"]),
    }));
    takeOver(replica, rows, Date.now());
    sql.exec("drop table device");
  });
}
