// What does a region hold of the registry, the configuration and the purges, and what of it do its
// isolates have to know? A replica whose answer, the lease, is made anew only when something changed.

import { EVERYTHING, markingOf, NAMED_MARKS_MAX, ORIGIN_WRITER } from "../state/purge-scope.ts";
import {
  alerts,
  attributeKey,
  attributes,
  commands,
  CONFIG,
  config,
  desired,
  devices,
  ISSUERS,
  keys,
  parseAttributeKey,
  parsePurgeKey,
  purgeKey,
  purgeRecords,
  purges,
  REGION_COLLECTIONS,
  reported,
  revoked,
} from "../state/region.ts";
import { AlertBook } from "../state/alert-book.ts";
import { rememberPurge } from "../state/purge-history.ts";
import { CommandBook } from "../state/command-book.ts";
import { readConfig } from "../state/config.ts";
import { ShadowBook } from "../state/shadow-book.ts";
import type { ReplicaId } from "../sync/brand.ts";
import type { EdgeLinkRecord } from "../sync/link/edge.ts";
import { hubTime, type HubClock } from "../sync/link/hub-clock.ts";
import type { Draft } from "../sync/replica/draft.ts";
import { EdgeReplica } from "../sync/replica/edge-replica.ts";
import type { ReplicaStore } from "../sync/replica/store.ts";
import type { DownState } from "../sync/wire/down-frame.ts";
import type { PurgeView } from "./cache/stored-response.ts";
import { DenialLog, type DenialBounds, type DeviceDenial, type ToldDenials } from "./denials.ts";
import { limits } from "./limits.ts";

/** What isolates are told, as of one moment. */
export interface RegionLease {
  /** Names this state of this life of the cell's memory; opaque. */
  readonly version: string;
  readonly replicaEpoch: number;
  readonly denials: ToldDenials;
  /** What is known of the origin's clock, which credentials are judged by. */
  readonly clock: HubClock;
  /** Null while the origin can be reached. */
  readonly outage: RegionOutage | null;
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

/** The origin cannot be reached. */
export interface RegionOutage {
  /** When it was last heard, epoch milliseconds by its own clock. */
  readonly heardMs: number;
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
  #shared: SharedLease | null = null;
  readonly #denials: DenialLog;
  readonly shadows: ShadowBook;
  readonly commands: CommandBook;
  readonly alerts: AlertBook;
  readonly #commanded = new Set<string>();
  /** As JSON; null: alerts have changed since it was told. */
  #elsewhere: string | null = null;
  /** The rules of a configuration, which is read once. */
  #rules: { readonly of: string | undefined; readonly text: string | null } = {
    of: undefined,
    text: null,
  };
  /** The highest seq of each writer's purges. */
  #seqs: Map<string, number>;

  /** @param namedMarksMax, bounds Others than the edge's own, for tests. */
  constructor(
    region: string,
    replica: ReplicaId,
    store: ReplicaStore,
    newEpoch: () => number,
    namedMarksMax: number = NAMED_MARKS_MAX,
    bounds: DenialBounds = DENIAL_BOUNDS,
  ) {
    super({ replica, collections: REGION_COLLECTIONS, store, newEpoch });
    this.#region = region;
    this.#namedMarksMax = namedMarksMax;
    this.#life = newEpoch();
    this.#denials = new DenialLog(bounds);
    this.shadows = new ShadowBook(this);
    this.commands = new CommandBook(this, (nowMs) => hubTime(this.record.clock, nowMs));
    this.alerts = new AlertBook(this);
    this.#denyAnew();
    this.#seqs = new Map(viewOf([...this.readAll(purges)]));
  }

  /**
   * Tells what isolates have to know; null if that is what `known` names.
   *
   * @param outage As long as it is the same outage, the same.
   */
  lease(known: string, outage: RegionOutage | null = null): RegionLease | null {
    const { clock } = this.record;
    const version = [
      this.#life,
      this.#denials.changes,
      this.#changes,
      clock.offsetMs,
      clock.heardMs,
      outage?.heardMs ?? "here",
    ].join(".");
    if (known === version) return null;
    if (this.#shared?.changes !== this.#changes) this.#shared = this.#sharedOf(this.#changes);
    const denials = this.#denials.tell(this.#knownDenials(known));
    return { ...this.#shared.lease, version, clock, outage, denials };
  }

  /** Tells what the registry says against one device. */
  denialOf(device: string): DeviceDenial {
    return this.#denials.find(device);
  }

  /** The published rules as JSON; null if it was not said what they are, or cannot be read. */
  rules(): string | null {
    const published = this.read(config, CONFIG)?.content;
    if (published !== this.#rules.of) {
      const { rules } = readConfig(published ?? "{}") ?? {};
      this.#rules = { of: published, text: rules === undefined ? null : JSON.stringify(rules) };
    }
    return this.#rules.text;
  }

  /** What this region's hubs have to know of alerts that are not theirs alone: AlertsElsewhere as JSON. */
  alertsElsewhere(): string {
    this.#elsewhere ??= JSON.stringify(this.alerts.elsewhere(this.#region));
    return this.#elsewhere;
  }

  /** Refuses a device's credentials up to `generation`, here and, once the link has run, everywhere. */
  revoke(nowMs: number, device: string, generation: number): void {
    this.write(nowMs, (draft) => draft.write(revoked, device, generation));
  }

  /**
   * Marks scopes as purged, all with this region's next seq.
   *
   * @param by Who did it, for the history.
   */
  purge(nowMs: number, scopes: readonly string[], by = "operator"): Purged {
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
      rememberPurge(draft, { writer: this.#region, seq, atMs: nowMs, by, scopes });
    });
    return { seq, isWidened: marking.isWidened };
  }

  override write(nowMs: number, change: (draft: Draft) => void): number {
    const written: [collection: number, key: string][] = [];
    const seq = super.write(nowMs, (draft) => {
      change({
        ...draft,
        write: (collection, key, delta) => {
          written.push([collection.id, key]);
          draft.write(collection, key, delta);
        },
      });
    });
    for (const [collection, key] of written) this.#noteChange(collection, [key]);
    return seq;
  }

  /** Tells whether the purges and what the origin wrote are known up to where a session names them. */
  hasSeen(tokens: readonly { readonly writer: string; readonly seq: number }[]): boolean {
    const { ack, isPulling } = this.record;
    return tokens.every(({ writer, seq }) =>
      writer === ORIGIN_WRITER
        ? !isPulling && ack.seq >= seq
        : seq === 0 || (this.#seqs.get(writer) ?? 0) >= seq,
    );
  }

  override absorb(state: DownState, record: EdgeLinkRecord): boolean {
    // A whole state may come in one frame: nothing was stored of a pull before it.
    const isWhole = this.record.isPulling || state.from === 0;
    const isRead = super.absorb(state, record);
    if (!isRead) return false;
    for (const { collection, keys: told } of state.groups) {
      this.#noteChange(collection, told);
      this.shadows.note(collection, told);
      this.commands.note(collection, told);
      if (collection === commands.id)
        for (const key of told) this.#commanded.add(parseAttributeKey(key).device);
    }
    // At the end of a pull what was not told is dropped.
    if (isWhole) {
      this.#denyAnew();
      this.#elsewhere = null;
      this.#changes += 1;
      this.#seqs = new Map(viewOf([...this.readAll(purges)]));
      this.shadows.look();
      this.commands.look();
    }
    return true;
  }

  /** The devices whose commands came over the link since this was last asked. */
  takeCommanded(): ReadonlySet<string> {
    const taken = new Set(this.#commanded);
    this.#commanded.clear();
    return taken;
  }

  /** Counts changes of a collection; those of denials are told one by one. */
  #noteChange(collection: number, changed: readonly string[]): void {
    if (collection === purges.id) for (const key of changed) this.#noteMark(key);
    if (collection === alerts.id) this.#elsewhere = null;
    if (collection === revoked.id) for (const device of changed) this.#deny(device);
    else if (collection === attributes.id) {
      for (const key of changed) {
        const { device, field } = parseAttributeKey(key);
        if (field === "disabled") this.#deny(device);
      }
    } else if (!UNSHARED.has(collection)) this.#changes += 1;
  }

  #noteMark(key: string): void {
    const { writer } = parsePurgeKey(key);
    const seq = this.read(purges, key) ?? 0;
    this.#seqs.set(writer, Math.max(seq, this.#seqs.get(writer) ?? 0));
  }

  #deny(device: string): void {
    this.#denials.set(device, {
      revokedGeneration: this.read(revoked, device) ?? 0,
      isDisabled: this.read(attributes, attributeKey(device, "disabled"))?.value === true,
    });
  }

  /** Looks at all that is or was denied. */
  #denyAnew(): void {
    const denied = new Set([...this.#denials.devices(), ...this.readAll(revoked).keys()]);
    for (const key of this.readAll(attributes).keys()) {
      const { device, field } = parseAttributeKey(key);
      if (field === "disabled") denied.add(device);
    }
    for (const device of denied) this.#deny(device);
  }

  /** The change of denials whose state a version names; null if it is not one of this life. */
  #knownDenials(known: string): number | null {
    const [life, changes] = known.split(".");
    return life === String(this.#life) ? Number(changes) : null;
  }

  #sharedOf(changes: number): SharedLease {
    const held = [...this.readAll(purges)];
    // Seqs are near the clock, so that the newest of all writers are those with the highest.
    const marks = withoutOutdone(held).toSorted(([, a], [, b]) => b - a);
    const told = marks.slice(0, limits.purgesPerLeaseMax);
    const lease = {
      replicaEpoch: this.record.replicaEpoch,
      config: this.read(config, CONFIG)?.content ?? null,
      keys: this.read(keys, ISSUERS)?.content ?? null,
      purgeView: viewOf(held),
      purges: told,
      purgeFloor: viewOf(marks.slice(told.length)),
    };
    return { changes, lease };
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

/** Collections that isolates are told nothing of. */
const UNSHARED: ReadonlySet<number> = new Set([
  devices.id,
  desired.id,
  reported.id,
  commands.id,
  purgeRecords.id,
  alerts.id,
]);

/** What of a lease is the same whoever asks, and the change that it is made of. */
interface SharedLease {
  readonly changes: number;
  readonly lease: Omit<RegionLease, "version" | "clock" | "outage" | "denials">;
}

const DENIAL_BOUNDS: DenialBounds = {
  toldMax: limits.denialsPerLeaseMax,
  changesMax: limits.denialChangesMax,
};

/** The highest seq of each writer among marks. */
function viewOf(marks: RegionLease["purges"]): PurgeView {
  const view = new Map<string, number>();
  for (const [key, seq] of marks) {
    const { writer } = parsePurgeKey(key);
    view.set(writer, Math.max(seq, view.get(writer) ?? 0));
  }
  return [...view];
}
