// The DeviceShard: the hub of the links of one range of devices, for all regions. Thin: it opens
// the store and runs the use case.

import { DurableObject } from "cloudflare:workers";
import { log } from "../../doors/access-log.ts";
import { drawNumber } from "../../doors/draw-number.ts";
import { openSql } from "../../storage/durable-object-sql.ts";
import { ANY, decodeGaps, THIN, type GapRecord } from "../../state/gap.ts";
import { decodeLiveEntries } from "../../state/live-entries.ts";
import { decodeThinned } from "../../state/thinned.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { absorbLive, type LiveAbsorbed } from "../absorb-live.ts";
import { absorb, type Absorbed } from "../absorb-sync.ts";
import type { OriginEnv } from "../platform/env.ts";
import { SqlShardStore } from "../platform/sql-shard-store.ts";
import type {
  AbsorbedThinned,
  ListedPoison,
  PoisonedEntry,
  PoisonId,
  PoisonSummary,
  ReplicaStatus,
  ShardStore,
} from "../ports.ts";
import { replayAll, replayPoison, type Replayed, type ReplayedAll } from "../replay-poison.ts";
import { readThinned, type ThinnedPage, type ThinnedQuery } from "../replica/read-thinned.ts";
import { totalsOf, type StreamTotals } from "../replica/totals.ts";

/** Everything the origin knows of one device's readings. */
export interface DeviceTotals {
  readonly streams: readonly StreamTotals[];
  /** Readings that regions gave up and kept no minutes of. */
  readonly gapped: number;
  /** Entries of each life of a replica that could not be counted, by "replica replicaEpoch". */
  readonly poisoned: ReadonlyMap<string, number>;
  readonly replicas: readonly ReplicaStatus[];
}

/** Some of the entries that could not be counted. */
export interface PoisonPage {
  readonly entries: readonly ListedPoison[];
  readonly summary: PoisonSummary;
}

export class DeviceShard extends DurableObject<OriginEnv> {
  readonly #store: ShardStore;

  constructor(ctx: DurableObjectState, env: OriginEnv) {
    super(ctx, env);
    this.#store = new SqlShardStore(openSql(ctx.storage));
  }

  /** Absorbs an up-frame whose seal is good. The answer leaves after the commit is on disk. */
  async absorb(bytes: Uint8Array): Promise<Absorbed> {
    const absorbed = absorb(bytes, this.#store, Date.now(), drawNumber);
    if (absorbed.kind === "answered" && absorbed.poisoned + absorbed.lostEntries > 0) {
      const { replica, poisoned, lostEntries } = absorbed;
      log("entries-not-counted", { replica: replica ?? "", poisoned, lostEntries });
    }
    if (absorbed.kind === "no-room") log("replica-refused", { replica: absorbed.replica });
    return absorbed;
  }

  /** Folds a device's totals over all regions. */
  async totals(device: DeviceId): Promise<DeviceTotals> {
    return {
      streams: totalsOf(this.#store.summaries(device), this.#store.thinnedTotals(device)),
      gapped: gappedOf(this.#store.gapsOf(device)),
      poisoned: this.#store.poison.perLife(),
      replicas: this.#store.listReplicas(),
    };
  }

  /** Takes in what a hub sends ahead of what waits; its seal is good. Null: it cannot be read. */
  async absorbLive(bytes: Uint8Array): Promise<LiveAbsorbed | null> {
    const entries = decodeLiveEntries(bytes);
    return entries === null ? null : absorbLive(entries, this.#store, Date.now());
  }

  /** Takes in what a hub says it gave up; its seal is good. Null: it cannot be read. */
  async absorbGaps(bytes: Uint8Array): Promise<number | null> {
    const message = decodeGaps(bytes);
    if (message === null) return null;
    this.#store.joinGaps(message);
    return message.gaps.length;
  }

  /** Tells what was given up of a device's readings, in all regions. */
  async gaps(device: DeviceId): Promise<GapRecord[]> {
    return this.#store.gapsOf(device);
  }

  /** Takes in the minutes of what a hub thinned; its seal is good. Null: it cannot be read. */
  async absorbThinned(bytes: Uint8Array): Promise<AbsorbedThinned | null> {
    const message = decodeThinned(bytes);
    if (message === null) return null;
    const absorbed = this.#store.joinThinned(message);
    const { broken } = absorbed;
    if (broken > 0) log("minutes-not-counted", { replica: message.replica, items: broken });
    return absorbed;
  }

  /** Reads a page of the minutes that are left of a device's thinned readings, in all regions. */
  async thinned(query: ThinnedQuery): Promise<ThinnedPage> {
    return readThinned(query, this.#store);
  }

  /** Lists entries that could not be counted, without their bodies, and how many there are. */
  async poison(after: PoisonId | null, countMax: number): Promise<PoisonPage> {
    const { poison } = this.#store;
    return { entries: poison.list(after, countMax), summary: poison.summary() };
  }

  async poisonEntry(id: PoisonId): Promise<PoisonedEntry | null> {
    return this.#store.poison.get(id);
  }

  async dropPoison(id: PoisonId): Promise<boolean> {
    const wasThere = this.#store.poison.drop(id);
    if (wasThere) log("poison-dropped", { ...id });
    return wasThere;
  }

  async replayPoison(id: PoisonId): Promise<Replayed> {
    return replayPoison(id, this.#store, Date.now());
  }

  async replayAll(after: PoisonId | null): Promise<ReplayedAll> {
    return replayAll(after, this.#store, Date.now());
  }

  /** Tells how much is set aside. */
  async poisonSummary(): Promise<PoisonSummary> {
    return this.#store.poison.summary();
  }

  /** Tells what is known of every replica of this range. */
  async replicas(): Promise<ReplicaStatus[]> {
    return this.#store.listReplicas();
  }
}

/** What may be of another device too is not counted here; the door of the gaps tells it. */
function gappedOf(records: readonly GapRecord[]): number {
  const gapped = records.filter(({ policy, device }) => policy !== THIN && device !== ANY);
  return gapped.reduce((sum, { readings }) => sum + readings, 0);
}
