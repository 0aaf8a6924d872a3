// What does a schedule run in? Three regions, each a replica of the purges that numbers its own, a tier of
// stored responses and two isolates with memory, lease and flights; an upstream whose pages change all
// the time; and a network that loses, delays, repeats and reorders. The decisions are the edge's own.

import { FillLeases } from "../../../edge/cache/fill-leases.ts";
import type { CachePolicy } from "../../../edge/cache/cache-policy.ts";
import { NO_PURGES, PurgeBook } from "../../../edge/cache/purge-book.ts";
import { TargetBook } from "../../../edge/cache/target-book.ts";
import { WrittenKeys } from "../../../edge/cache/written-keys.ts";
import type {
  BodyReading,
  ContentPorts,
  OriginReply,
  PurgeWatch,
  RegionContent,
} from "../../../edge/content-ports.ts";
import { Flights } from "../../../edge/flights.ts";
import { HeldLease } from "../../../edge/held-lease.ts";
import { limits } from "../../../edge/limits.ts";
import { MemoryStore } from "../../../edge/platform/memory-store.ts";
import { purgedMemory, purgedRegion } from "../../../edge/purged-content.ts";
import { RegionReplica } from "../../../edge/region-replica.ts";
import { INITIAL_HEALTH } from "../../../edge/routing/origin-health.ts";
import { SparedTargets } from "../../../edge/routing/spared-targets.ts";
import { serveContent } from "../../../edge/serve.ts";
import { linesOf, type FieldList } from "../../../http/fields.ts";
import { purges } from "../../../state/region.ts";
import type { ReplicaId } from "../../../sync/brand.ts";
import { MemoryReplicaStore } from "../../../sync/replica/store.ts";
import type { Prng } from "../prng.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const SITES = { "a.example": "main" };
/** The tags of a page, by its number. */
export const tagOf = (page: number): string => `t${page % 2}`;
export const pathOf = (page: number): string => `/d${page % 2}/p${page}`;

/** How long pages are fresh; the others for an hour. */
const LIFETIMES: Readonly<Record<number, string>> = {
  2: "max-age=1, stale-while-revalidate=600",
  3: "max-age=1, stale-if-error=600",
};

/** A purge, and when each region came to hold it. */
export interface MadePurge {
  readonly id: number;
  readonly madeMs: number;
  readonly heldMs: Map<string, number>;
  /** Whether it means a page. */
  readonly means: (page: number) => boolean;
  readonly isSoft: boolean;
}

/** How bad the network of a schedule is. */
export interface Weather {
  readonly loss: number;
  readonly repeat: number;
  readonly delayMsMax: number;
  /** Most that the upstream takes for a head, and for a body. */
  readonly headMsMax: number;
  readonly bodyMsMax: number;
  readonly policy: CachePolicy;
}

interface View {
  readonly version: string;
  readonly book: PurgeBook;
}

/** A region: its cells. */
export class SimRegion {
  readonly id: string;
  readonly replica: RegionReplica;
  readonly stored: MemoryStore<string> = newStore();
  readonly fills = new FillLeases({
    leaseMs: limits.lockTimeoutMs,
    unsharedMs: limits.hitForMissMs,
    targetsMax: 100,
    waitersMax: 100,
  });
  /** What its clock is off by. */
  readonly skewMs: number;
  /** Until then its link is cut, and until then its cell answers nobody. */
  cutUntilMs = 0;
  silentUntilMs = 0;

  constructor(id: string, skewMs: number) {
    this.id = id;
    this.skewMs = skewMs;
    let epoch = 0;
    const store = new MemoryReplicaStore();
    this.replica = new RegionReplica(id, `${id}/region` as ReplicaId, store, () => (epoch += 1));
  }
}

/** An isolate of a region; `forget` is what a restart does. */
export class SimIsolate {
  readonly region: SimRegion;
  readonly #time: VirtualTime;
  readonly #chance: Prng;
  readonly #weather: Weather;
  #memory = newStore();
  #lease: HeldLease<View>;
  #flights = new Flights<string>(100);
  #targets = new TargetBook(100);
  readonly #written = new WrittenKeys({ keysMax: 100, keptMs: 30_000 });
  readonly #health = {
    state: INITIAL_HEALTH,
    tolerance: { failures: 99, ms: 99_999 },
    spared: new SparedTargets({ firstMs: 1_000, sparedMs: 10_000, targetsMax: 100 }),
  };

  constructor(region: SimRegion, time: VirtualTime, chance: Prng, weather: Weather) {
    this.region = region;
    this.#time = time;
    this.#chance = chance;
    this.#weather = weather;
    this.#lease = this.#openLease();
  }

  forget(): void {
    this.#memory = newStore();
    this.#flights = new Flights<string>(100);
    this.#targets = new TargetBook(100);
    this.#lease = this.#openLease();
  }

  /** Asks for a page; gives when what came was made at the upstream, null if it was refused. */
  async ask(page: number): Promise<number | null> {
    const ports = await this.#ports();
    const fields: FieldList = [];
    const answer = await serveContent(
      {
        method: "GET",
        host: "a.example",
        arrival: { host: "a.example", scheme: "http" },
        rawTarget: pathOf(page),
        fields: linesOf(fields),
        fieldList: () => fields,
        body: null,
      },
      { name: "main", policy: this.#weather.policy, onlyHost: () => null },
      ports,
    );
    if (answer.kind === "problem" || answer.status !== 200) return null;
    return Number(linesOf(answer.fields).get("x-made-ms"));
  }

  #nowMs(): number {
    return this.#time.nowMs + this.region.skewMs;
  }

  #openLease(): HeldLease<View> {
    const source = {
      nowMs: () => this.#nowMs(),
      within: <T>(work: Promise<T>, ms: number) => this.#time.within(work, ms),
      ask: (known: View) => this.#askCell(known),
      log: () => undefined,
    };
    return new HeldLease<View>(source, { version: "", book: NO_PURGES });
  }

  /** A call to the region's cell: it takes time both ways, fails, or never comes back. */
  async #askCell(known: View): Promise<View> {
    await this.#time.sleep(this.#chance.below(80));
    const isSilent = this.#time.nowMs < this.region.silentUntilMs;
    if (isSilent || this.#chance.chance(this.#weather.loss / 2)) {
      if (this.#chance.chance(0.5)) throw new Error("lost");
      return new Promise(() => undefined);
    }
    const lease = this.region.replica.lease(known.version);
    await this.#time.sleep(this.#chance.below(this.#chance.chance(0.1) ? 900 : 80));
    return lease === null ? known : { version: lease.version, book: new PurgeBook(lease) };
  }

  async #watch(): Promise<PurgeWatch> {
    const background = (): void => undefined;
    const lease = this.#lease;
    const { book } = await lease.current(background, limits.purgePatienceMs);
    const watch = {
      book,
      isCurrent: lease.isCurrent,
      renew: async (): Promise<void> => {
        watch.book = (await lease.current(background, limits.purgePatienceMs)).book;
        watch.isCurrent = lease.isCurrent;
      },
      mark: async (): Promise<void> => undefined,
    };
    return watch;
  }

  async #ports(): Promise<ContentPorts<string>> {
    const watch = await this.#watch();
    return {
      memory: purgedMemory(this.#memory, watch),
      region: purgedRegion(this.#cell(), watch),
      origin: { fetch: ({ target }) => this.#fetch(target) },
      encoder: { encode: () => null },
      health: this.#health,
      purges: watch,
      flights: this.#flights,
      targets: this.#targets,
      written: this.#written,
      nowMs: () => this.#nowMs(),
      within: (work, ms) => this.#time.within(work, ms),
      background: (work) => void work.catch(() => undefined),
    };
  }

  #cell(): RegionContent<string> {
    const { stored, fills } = this.region;
    const call = (): Promise<void> => this.#time.sleep(this.#chance.below(20));
    return {
      get: async (key, selecting, fillId) => {
        await call();
        if (this.#time.nowMs < this.region.silentUntilMs) return { kind: "unavailable" };
        const found = stored.get(key, this.#nowMs(), linesOf(selecting));
        if (found !== null) return { kind: "found", stored: found };
        const isClaimed = fillId !== null && fills.claimFree(fillId, this.#nowMs());
        return { kind: "none", tags: [], isClaimed };
      },
      getTagged: async () => null,
      put: async (key, one, lease) => {
        await call();
        stored.put(key, one, this.#nowMs());
        if (lease !== null) fills.settle(lease, "stored", this.#nowMs());
      },
      delete: async (key) => stored.delete(key),
      claimFill: async (id) => {
        await call();
        const claim = fills.claim(id, this.#nowMs());
        if (claim.kind !== "wait") return claim.kind;
        const outcome = await this.#time.within(claim.settled, claim.waitMs);
        fills.leave();
        return outcome === "stored" ? "stored" : "alone";
      },
      endFill: async (id, outcome) => fills.settle(id, outcome, this.#nowMs()),
    };
  }

  async #fetch(target: string): Promise<OriginReply<string>> {
    const { headMsMax, bodyMsMax, loss } = this.#weather;
    const requestMs = this.#nowMs();
    await this.#time.sleep(this.#chance.below(headMsMax));
    const madeMs = this.#time.nowMs;
    await this.#time.sleep(this.#chance.below(headMsMax));
    if (this.#chance.chance(loss / 2)) return { kind: "failed", reason: "origin-unreachable" };
    const page = Number(/\d+$/.exec(target)?.[0] ?? 0);
    const body = target;
    const takesMs = this.#chance.chance(0.5) ? 0 : this.#chance.below(bodyMsMax);
    return {
      kind: "reply",
      status: 200,
      fields: [
        ["cache-control", LIFETIMES[page] ?? "max-age=3600"],
        ["cache-tag", tagOf(page)],
        ["x-made-ms", String(madeMs)],
      ],
      requestMs,
      responseMs: this.#nowMs(),
      body: () => body,
      discard: () => undefined,
      share: () => {
        const whole: BodyReading<string> = { kind: "whole", body, bytes: body.length };
        const arrived = takesMs === 0 ? Promise.resolve() : this.#time.sleep(takesMs);
        return { open: () => body, whole: arrived.then(() => whole), done: arrived };
      },
    };
  }
}

/** Has `to` hear all marks of `from`, as they are now, when the message arrives. */
export function tellMarks(
  time: VirtualTime,
  { from, to, delayMs }: { from: SimRegion; to: SimRegion; delayMs: number },
  made: readonly MadePurge[],
): void {
  const marks = [...from.replica.readAll(purges)];
  const held = made.filter(({ heldMs }) => heldMs.has(from.id));
  time.after(delayMs, () => {
    if (time.nowMs < to.cutUntilMs) return;
    to.replica.write(time.nowMs + to.skewMs, (draft) => {
      for (const [key, seq] of marks) draft.write(purges, key, seq);
    });
    for (const { heldMs } of held) if (!heldMs.has(to.id)) heldMs.set(to.id, time.nowMs);
  });
}

function newStore(): MemoryStore<string> {
  return new MemoryStore<string>({
    eviction: "probation",
    bytesMax: 1_000_000,
    entriesMax: 100,
    variantsMax: 4,
    staleMsMax: limits.staleOfflineMsMax,
  });
}
