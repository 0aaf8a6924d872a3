// What is the simulated hub? A replica on a disk and the clock that counts; and, beside it, what the
// oracles know it to hold.

import type { EdgeLinkRecord } from "../../sync/link/edge.ts";
import { HubReplica, type Exchange } from "../../sync/replica/hub-replica.ts";
import type { Collection } from "../../sync/replica/kind.ts";
import { SketchingHub } from "../../sync/sketch/hub.ts";
import type { Versions } from "../../sync/wire/frame.ts";
import { HubRangeCoder } from "../../sync/wire/range/encoding.ts";
import { SimClock } from "./clock.ts";
import { SimDisk } from "./disk.ts";
import type { Plan } from "./plan.ts";
import { Shadow, type Ledger, type Removal, type Write } from "./ledger.ts";

export interface HubWorld {
  readonly ledger: Ledger;
  readonly quantumMs: 1 | 16 | 128;
  readonly leaseMs: number;
  readonly plan: Pick<Plan, "isHubCoded" | "symbolEntries">;
  now(): number;
  newNumber(): number;
}

/** A release of the hub's software. */
export interface Release {
  readonly collections: readonly Collection[];
  readonly versions: Versions;
}

export class HubNode {
  readonly clock: SimClock = new SimClock();
  disk: SimDisk = new SimDisk();
  shadow: Shadow = new Shadow();
  release: Release;
  /** Requests that were applied. */
  applied = new WeakSet<Uint8Array>();
  /** The other encoding that its links may speak; null: none. */
  coder: HubRangeCoder | null;
  replica: HubReplica;
  /** Times that an edge was told only what differed, by replicas of former starts. */
  #briefs = 0;
  readonly #world: HubWorld;

  constructor(world: HubWorld, release: Release) {
    this.#world = world;
    this.release = release;
    this.coder = this.#newCoder();
    this.replica = this.openReplica(this.disk);
    this.disk.sync();
  }

  #newCoder(): HubRangeCoder | null {
    return this.#world.plan.isHubCoded ? new HubRangeCoder() : null;
  }

  nowMs(): number {
    return this.clock.read(this.#world.now());
  }

  /** Times that an edge was told only what differed. */
  get briefs(): number {
    return this.#briefs + (this.replica instanceof SketchingHub ? this.replica.briefs : 0);
  }

  /** Starts over from the disk. */
  reopen(): void {
    this.#briefs = this.briefs;
    this.coder = this.#newCoder();
    this.replica = this.openReplica(this.disk);
    this.disk.sync();
  }

  openReplica(disk: SimDisk): HubReplica {
    const { symbolEntries } = this.#world.plan;
    const options = {
      ...this.release,
      store: disk,
      newNumber: () => this.#world.newNumber(),
      leaseMs: this.#world.leaseMs,
      quantumMs: this.#world.quantumMs,
    };
    const replica =
      symbolEntries > 0
        ? new SketchingHub({ ...options, symbolEntries, symbolsMin: 1 })
        : new HubReplica(options);
    this.coder?.serve(replica);
    return replica;
  }

  knows(id: number): boolean {
    return this.release.collections.some((collection) => collection.id === id);
  }

  /**
   * Takes a request; `onApplied` is told what of it was new, before anything of it is durable.
   *
   * @returns Whether its cursor moved, and what is to be answered.
   */
  exchange(bytes: Uint8Array): { readonly isApplied: boolean; readonly exchange: Exchange } {
    const before = this.cursors();
    const exchange = this.replica.exchange(bytes, this.nowMs());
    const speaker = exchange.kind === "answered" ? exchange.frame?.speaker : undefined;
    const isApplied =
      exchange.kind === "answered" &&
      exchange.outcome === "applied" &&
      speaker?.kind === "link" &&
      before.get(speaker.link) !== this.cursors().get(speaker.link);
    if (isApplied) this.applied.add(bytes);
    return { isApplied, exchange };
  }

  /** Link to the seq of its cursor. */
  cursors(): Map<number, number> {
    return cursorsOf(this.replica);
  }

  /** The links that it still applies frames of. */
  openLinks(): Set<number> {
    const open = this.replica.links().filter(({ isDormant }) => isDormant !== true);
    return new Set(open.map(({ link }) => link));
  }

  /**
   * The oracles learn that the hub has applied entries, after its seq `from` and by `to`; `writes`
   * are all of their author's of these keys.
   */
  learn(writes: readonly Write[], from: number, to: number): void {
    const byKey = Map.groupBy(writes, ({ collection, key }) => `${collection.id}/${key}`);
    for (const ofKey of byKey.values()) {
      const unknown = ofKey.filter(({ id }) => !this.shadow.has(id));
      for (const { id, what } of unknown) {
        this.shadow.add(id);
        if (what.kind === "add") {
          this.shadow.fates.set(id, "there");
          this.shadow.additions.push({ id, from, to });
        }
        if (what.kind === "remove") this.#remove(what);
      }
      const last = ofKey.at(-1);
      if (unknown.length === 0 && last !== undefined) this.#learnAgain(last, from, to);
    }
  }

  /** Said once more by another life, an addition counts as made anew: its removal may not hold. */
  #learnAgain({ id, what }: Write, from: number, to: number): void {
    if (what.kind !== "add") return;
    if (this.shadow.fates.get(id) === "removed") this.shadow.fates.set(id, "doubtful");
    this.shadow.additions.push({ id, from, to });
  }

  #remove({ sure, maybe, context }: Removal): void {
    const { fates, additions } = this.shadow;
    for (const [id, fate] of fates) {
      const times = sure.has(id) ? additions.filter((addition) => addition.id === id) : [];
      // Said once more by another life, which its remover had not heard of.
      const isAgain = times.length > 1 && times.some(({ to }) => to > context);
      if (sure.has(id) && !isAgain) fates.set(id, "removed");
      else if ((maybe.has(id) || isAgain) && fate === "there") fates.set(id, "doubtful");
    }
  }

  /** The link of an edge's record, as the hub knows it. */
  linkOf({ link }: EdgeLinkRecord): ReturnType<HubReplica["links"]>[number] | undefined {
    return this.replica.links().find((record) => record.link === link);
  }
}

/** Link to the seq of its cursor, by link. */
export function cursorsOf(replica: HubReplica): Map<number, number> {
  const cursors = replica.links().map(({ link, cursor }) => [link, cursor.seq] as const);
  return new Map(cursors.toSorted(([a], [b]) => a - b));
}
