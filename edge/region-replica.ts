// What does a region hold of the registry, the configuration and the purges, and what of it do its
// isolates have to know? A replica whose answer, the lease, is made anew only when something changed.

import { EVERYTHING, markingOf } from "../state/purge-scope.ts";
import {
  attributeKey,
  attributes,
  CONFIG,
  config,
  ISSUERS,
  keys,
  parsePurgeKey,
  purgeKey,
  purges,
  REGION_COLLECTIONS,
  revoked,
} from "../state/region.ts";
import type { ReplicaId } from "../sync/brand.ts";
import type { EdgeLinkRecord } from "../sync/link/edge.ts";
import { EdgeReplica } from "../sync/replica/edge-replica.ts";
import type { ReplicaStore } from "../sync/replica/store.ts";
import type { DownState } from "../sync/wire/down-frame.ts";
import type { PurgeView } from "./cache/stored-response.ts";
import { limits } from "./limits.ts";

/** What the registry says against a device. */
export interface DeviceDenial {
  /** The highest generation of its tokens that is refused; 0: none is. */
  readonly revokedGeneration: number;
  readonly isDisabled: boolean;
}

/** A device, and the generation up to which its tokens are revoked or that it is disabled. */
export type Denied = readonly [device: string, what: number | "disabled"];

/** What isolates are told: all of it, as of one moment. */
export interface RegionLease {
  /** Names this state of this life of the cell's memory; opaque. */
  readonly version: string;
  readonly replicaEpoch: number;
  /** At most `denialsPerLeaseMax`. */
  readonly denials: readonly Denied[];
  /** True if there are more: then the cell is to be asked about each device. */
  readonly hasMoreDenials: boolean;
  /** The configuration as JSON; null if none was published. */
  readonly config: string | null;
  /** The issuers' keys, a JWK set as JSON; null if none was published. */
  readonly keys: string | null;
  /** The highest seq of each writer's purges. */
  readonly purgeView: PurgeView;
  /** The newest marks, at most `purgesPerLeaseMax`: keys as in state/region.ts. */
  readonly purges: readonly (readonly [key: string, seq: number])[];
  /** The highest seq of each writer's marks that are left out. */
  readonly purgeFloor: PurgeView;
}

/** What became of a purge. */
export interface Purged {
  readonly seq: number;
  /** True if a scope shares its mark with others, because there are too many. */
  readonly isWidened: boolean;
}

/** One region's replica. */
export class RegionReplica extends EdgeReplica {
  readonly #region: string;
  readonly #namedMarksMax: number;
  /** Apart from those before a restart, when changes were counted from 1 too. */
  readonly #life: number;
  #changes = 1;
  #lease: RegionLease | null = null;

  constructor(
    region: string,
    replica: ReplicaId,
    store: ReplicaStore,
    newEpoch: () => number,
    namedMarksMax: number = limits.purgeNamedMarksMax,
  ) {
    super({ replica, collections: REGION_COLLECTIONS, store, newEpoch });
    this.#region = region;
    this.#namedMarksMax = namedMarksMax;
    this.#life = newEpoch();
  }

  /** Tells what isolates have to know; null if that is what `known` names. */
  lease(known: string): RegionLease | null {
    const version = `${this.#life}.${this.#changes}`;
    if (known === version) return null;
    if (this.#lease?.version !== version) this.#lease = this.#leaseOf(version);
    return this.#lease;
  }

  /** Tells what the registry says against one device. */
  denialOf(device: string): DeviceDenial {
    return {
      revokedGeneration: this.read(revoked, device) ?? 0,
      isDisabled: this.read(attributes, attributeKey(device, "disabled"))?.value === true,
    };
  }

  /** Refuses a device's tokens up to `generation`, here and, once the link has run, everywhere. */
  revoke(nowMs: number, device: string, generation: number): void {
    this.write(nowMs, (draft) => draft.write(revoked, device, generation));
    this.#changes += 1;
  }

  /** Marks scopes as purged, all with this region's next seq. */
  purge(nowMs: number, scopes: readonly string[]): Purged {
    const own = [...this.readAll(purges)].flatMap(([key, seq]) => {
      const { writer, scope } = parsePurgeKey(key);
      return writer === this.#region ? [[scope, seq] as const] : [];
    });
    // Above the clock as well: a cell that was restored from a copy does not know its last marks,
    // and must not number the next ones below them. Nothing else looks at the clock in a seq.
    const seq = own.reduce((most, [, held]) => Math.max(most, held + 1), Math.max(1, nowMs));
    const marked = new Set(own.map(([scope]) => scope));
    const marking = markingOf(scopes, marked, this.#namedMarksMax);
    this.write(nowMs, (draft) => {
      for (const scope of marking.scopes) draft.write(purges, purgeKey(this.#region, scope), seq);
    });
    this.#changes += 1;
    return { seq, isWidened: marking.isWidened };
  }

  override absorb(state: DownState, record: EdgeLinkRecord): boolean {
    // At the end of a pull what was not told is dropped.
    const isChange = state.groups.length > 0 || this.record.isPulling;
    if (isChange) this.#changes += 1;
    return super.absorb(state, record);
  }

  #leaseOf(version: string): RegionLease {
    const denials = this.#denials();
    const max = limits.denialsPerLeaseMax;
    const held = [...this.readAll(purges)];
    // Seqs are near the clock, so that the newest of all writers are those with the highest.
    const marks = withoutOutdone(held).toSorted(([, a], [, b]) => b - a);
    const told = marks.slice(0, limits.purgesPerLeaseMax);
    return {
      version,
      replicaEpoch: this.record.replicaEpoch,
      denials: denials.slice(0, max),
      hasMoreDenials: denials.length > max,
      config: this.read(config, CONFIG)?.content ?? null,
      keys: this.read(keys, ISSUERS)?.content ?? null,
      purgeView: viewOf(held),
      purges: told,
      purgeFloor: viewOf(marks.slice(told.length)),
    };
  }

  #denials(): Denied[] {
    const disabled = [...this.readAll(attributes)].flatMap(([key, { value }]) =>
      value === true && key.endsWith("/disabled")
        ? [[key.slice(0, key.indexOf("/")), "disabled"] as const]
        : [],
    );
    return [...disabled, ...this.readAll(revoked)];
  }
}

/** Leaves out what a later purge of everything by the same writer says as well. */
function withoutOutdone(marks: RegionLease["purges"]): (readonly [key: string, seq: number])[] {
  const held = new Map(marks);
  return marks.filter(([key, seq]) => {
    const { writer, scope } = parsePurgeKey(key);
    return scope === EVERYTHING || seq > (held.get(purgeKey(writer, EVERYTHING)) ?? 0);
  });
}

/** The highest seq of each writer among marks. */
function viewOf(marks: RegionLease["purges"]): PurgeView {
  const view = new Map<string, number>();
  for (const [key, seq] of marks) {
    const { writer } = parsePurgeKey(key);
    view.set(writer, Math.max(seq, view.get(writer) ?? 0));
  }
  return [...view];
}
