// Regions and an origin in one process, on SQLite in memory, with a link that can lose messages:
// the real use cases and stores, no HTTP. For laws about the whole readings path.

import { absorbLive } from "../../origin/absorb-live.ts";
import { absorb } from "../../origin/absorb-sync.ts";
import { SqlShardStore } from "../../origin/platform/sql-shard-store.ts";
import { totalsOf, type StreamTotals } from "../../origin/replica/totals.ts";
import type { Admission, BufferQuota } from "../../edge/buffer/quota.ts";
import { HubBuffer } from "../../edge/hub-buffer.ts";
import { ingest, type IngestOutcome } from "../../edge/ingest.ts";
import { JournalReplica } from "../../edge/journal-replica.ts";
import { LiveLink } from "../../edge/live-link.ts";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import type { ExchangeOutcome } from "../../edge/ports.ts";
import { replicate, type ReplicatePorts } from "../../edge/replicate.ts";
import { decodeLiveEntries } from "../../state/live-entries.ts";
import { parseReplicaId, type ReplicaId } from "../../sync/brand.ts";
import { fnv1a32 } from "../../sync/hash.ts";
import { openEdgeLink, type EdgeLink } from "../../sync/link/edge.ts";
import { hubTime } from "../../sync/link/hub-clock.ts";
import { commandOf, DEVICE } from "./commands.ts";
import { openNodeSql } from "./node-sql.ts";

/** What happens to the next exchange. */
export type LinkFault = "none" | "lose-request" | "lose-answer";

/** The origin's object for all devices. */
export class TestOrigin {
  readonly #sql = openNodeSql();
  store: SqlShardStore = new SqlShardStore(this.#sql);
  #links = 0;
  nowMs = 1_000_000;

  /** Copies the origin's database, for restore(). */
  copy(): Uint8Array {
    return this.#sql.copy();
  }

  /** Puts an older copy of the database in place. */
  restore(copy: Uint8Array): void {
    this.#sql.restore(copy);
    this.store = new SqlShardStore(this.#sql);
  }

  absorb(request: Uint8Array): Uint8Array {
    const absorbed = absorb(request, this.store, this.nowMs, () => (this.#links += 1));
    if (absorbed.kind !== "answered") throw new TypeError(`Not answered: ${absorbed.kind}`);
    return absorbed.answer;
  }

  absorbLive(request: Uint8Array): Uint8Array {
    const entries = decodeLiveEntries(request);
    if (entries === null) throw new TypeError("Not entries");
    const { kind } = absorbLive(entries, this.store, this.nowMs);
    return new Uint8Array([Number(kind === "joined")]);
  }

  totals(): StreamTotals[] {
    return totalsOf(this.store.summaries(DEVICE), this.store.thinnedTotals(DEVICE));
  }
}

/** How long it takes to put a copy in place; a multiple of three keeps three clocks apart. */
const RESTORE_MS = 3_000;

/** One region's hub. */
export class TestRegion {
  readonly #sql = openNodeSql();
  readonly #replica: ReplicaId;
  readonly #origin: TestOrigin;
  #epochs: number;
  #fault: LinkFault = "none";
  store: SqlHubStore;
  /** What was sent, in order. */
  readonly frames: Uint8Array[] = [];
  journal: JournalReplica;
  link: EdgeLink;
  /** By this region's own clock; what the origin has said of it is not taken into account. */
  nowMs: number;

  constructor(name: string, origin: TestOrigin, nowMs: number) {
    const replica = parseReplicaId(`${name}/00-ff`);
    if (replica === null) throw new TypeError(`Not a region: ${name}`);
    this.#replica = replica;
    this.#origin = origin;
    this.#epochs = fnv1a32(name) % 1000;
    this.nowMs = nowMs;
    this.store = this.#openStore();
    this.journal = this.#openJournal();
    this.link = openEdgeLink(this.journal.record);
  }

  /** Loses everything that is not on disk. */
  crash(): void {
    this.store = this.#openStore();
    this.journal = this.#openJournal();
    this.link = openEdgeLink(this.journal.record);
  }

  /** Starts a second machine on a copy of this one's disk: both go on under one name. */
  clone(): TestRegion {
    const name = this.#replica.slice(0, this.#replica.indexOf("/"));
    const twin = new TestRegion(name, this.#origin, this.nowMs);
    twin.#epochs = this.#epochs + 1_000_000;
    twin.#sql.restore(this.copy());
    twin.crash();
    return twin;
  }

  /** Copies the hub's database, for restore(). */
  copy(): Uint8Array {
    return this.#sql.copy();
  }

  /** Starts again with a link's record that cannot be read. */
  damageLink(): void {
    this.#sql.exec("update link_record set record = '{bad'");
    this.crash();
  }

  /** Puts an older copy of the database in place; that takes a while by the wall clock. */
  restore(copy: Uint8Array): void {
    this.nowMs = Math.max(this.nowMs, this.store.lastStampMs()) + RESTORE_MS;
    this.#sql.restore(copy);
    this.crash();
  }

  /**
   * Asks the origin what it holds, and runs the link until that is everything; false if it does not
   * come to rest.
   */
  async settles(attemptsMax = 8): Promise<boolean> {
    let isAtRest = false;
    for (let attempt = 0; attempt < attemptsMax && !isAtRest; attempt += 1)
      isAtRest = await this.sync();
    return isAtRest && (await this.#beatsUntilRest(attemptsMax));
  }

  /** Posts a body as a device would; with a quota to a hub whose buffer has it. */
  post(body: unknown, key: string | null = null, quota: BufferQuota | null = null): IngestOutcome {
    const command = commandOf(body, { key });
    const nowMs = hubTime(this.store.loadLink().clock, this.nowMs);
    const outcome =
      quota === null
        ? ingest(command, this.store, nowMs)
        : ingest(command, this.store, nowMs, this.#admission(quota, nowMs));
    this.store.write();
    return outcome;
  }

  /** What the hub does before it takes a batch, with a quota of its own. */
  #admission(quota: BufferQuota, nowMs: number): Admission {
    const buffer = new HubBuffer(this.store, quota);
    buffer.shed(nowMs);
    return buffer.admission(nowMs, 0.5);
  }

  /** Runs the link as an alarm would; `fault` befalls its first exchange. */
  async sync(fault: LinkFault = "none", isHeartbeat = false): Promise<boolean> {
    this.#fault = fault;
    const ports: ReplicatePorts = {
      origin: { exchange: async (request) => this.#exchange(request) },
      now: () => this.nowMs,
      chance: () => 0.5,
      log: () => {},
    };
    const run = await replicate(this.link, this.journal, ports, isHeartbeat);
    this.link = run.link;
    return run.againInMs === null;
  }

  /** Runs the link as the alarm of a hub does that has been at rest for a while. */
  beats(fault: LinkFault = "none"): Promise<boolean> {
    return this.sync(fault, true);
  }

  /** Sends the newest entries ahead, as a hub does that much waits at. */
  async goAhead(fault: LinkFault = "none"): Promise<void> {
    const exchange = async (request: Uint8Array): Promise<ExchangeOutcome> => {
      if (fault === "lose-request") return { kind: "failed", reason: "lost" };
      const frame = this.#origin.absorbLive(request);
      return fault === "lose-answer"
        ? { kind: "failed", reason: "lost" }
        : { kind: "answered", frame };
    };
    await new LiveLink(this.store, { exchange }, () => this.nowMs, 0).send();
  }

  async #beatsUntilRest(attemptsMax: number): Promise<boolean> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) if (await this.beats()) return true;
    return false;
  }

  #exchange(request: Uint8Array): ExchangeOutcome {
    const fault = this.#fault;
    this.#fault = "none";
    this.frames.push(request);
    if (fault === "lose-request") return { kind: "failed", reason: "lost" };
    const frame = this.#origin.absorb(request);
    return fault === "lose-answer"
      ? { kind: "failed", reason: "lost" }
      : { kind: "answered", frame };
  }

  #openStore(): SqlHubStore {
    return new SqlHubStore(this.#sql, (this.#epochs += 1));
  }

  #openJournal(): JournalReplica {
    return new JournalReplica(this.store, this.#replica, () => (this.#epochs += 1));
  }
}
