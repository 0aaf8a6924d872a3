// Which region does a request belong to, and what is known there? The deployment's own regions find
// the first cell, those that its replica has decide; and each region's view is held by lease.

import type { JSONWebKeySet } from "jose";
import { log } from "../../doors/access-log.ts";
import { Guard, type Denial, type Registered } from "../../doors/guard.ts";
import { SESSION_WAIT_MS_MAX } from "../../doors/session-waits.ts";
import type { SessionToken } from "../../doors/session.ts";
import { TokenVerifier } from "../../doors/tokens.ts";
import { within } from "../../doors/within.ts";
import { readConfig, type DeploymentConfig } from "../../state/config.ts";
import { keysInForce, readIssuers, type IssuerKey } from "../../state/issuers.ts";
import { hubTime } from "../../sync/link/hub-clock.ts";
import { NO_PURGES, PurgeBook } from "../cache/purge-book.ts";
import type { EdgeConfig } from "../config.ts";
import { denialIn, learn, NO_DENIALS, type HeldDenials } from "../denials.ts";
import { HeldLease } from "../held-lease.ts";
import { limits } from "../limits.ts";
import type { RegionCell } from "../objects/region-cell.ts";
import type { RegionLease } from "../region-replica.ts";
import { decideRegion, type Place, type RegionDecision } from "../routing/region.ts";
import type { EdgeEnv } from "./env.ts";
import { placeOf } from "./place.ts";

/** Lets work go on after the answer has left. */
export type Background = (work: Promise<unknown>) => void;

/** Where a request is served, and by what. */
export interface Here extends RegionDecision {
  readonly place: Place | null;
  /** The deployment's, with what has been published in its place. */
  readonly config: EdgeConfig;
  readonly guard: Guard;
  readonly purges: PurgeBook;
  /** Whether that is all that was purged until a lease ago: the cell may be silent. */
  readonly arePurgesCurrent: boolean;
}

/** What an isolate knows of a region; texts are kept to tell whether they have changed. */
interface View {
  /** Empty: nothing has been told yet. */
  readonly version: string;
  readonly configText: string | null;
  readonly config: EdgeConfig;
  readonly keysText: string | null;
  readonly verifier: TokenVerifier | null;
  readonly denials: HeldDenials;
  readonly registered: Registered;
  readonly guard: Guard;
  readonly purges: PurgeBook;
}

/** Answers of a cell about single devices. */
interface AskedDenial {
  readonly askedMs: number;
  readonly answer: Promise<Denial | "unknown">;
}

/** The regions that an isolate serves. */
export class Regions {
  readonly #config: EdgeConfig;
  readonly #env: EdgeEnv;
  readonly #deployedKeys: readonly IssuerKey[];
  readonly #held = new Map<string, HeldLease<View>>();

  constructor(config: EdgeConfig, env: EdgeEnv) {
    this.#config = config;
    this.#env = env;
    this.#deployedKeys = readIssuers(config.issuerKeys ?? "")?.keys ?? [];
  }

  /** Finds where a request is served. Never throws: a cell that is silent changes nothing. */
  async at(
    cf: unknown,
    background: Background,
    patienceMs: number = limits.leaseTimeoutMs,
  ): Promise<Here> {
    const { pinnedRegion, regions } = this.#config;
    const place = placeOf(cf, this.#config.place);
    const first = decideRegion(place, regions, pinnedRegion);
    const lease = this.#leaseOf(first.region, this.#config);
    const view = await lease.current(background, patienceMs);
    const { config } = view;
    const decided = decideRegion(place, config.regions, pinnedRegion);
    const isThere = decided.region === first.region;
    const second = isThere ? lease : this.#leaseOf(decided.region, config);
    const there = isThere ? view : await second.current(background, patienceMs);
    const arePurgesCurrent = second.isCurrent;
    const { guard, purges } = there;
    return { ...decided, place, config, guard, purges, arePurgesCurrent };
  }

  /** Finds where a request is served by its own word; reading `cf` costs, so only where the place decides. */
  atRequest(
    request: { readonly cf?: unknown },
    background: Background,
    patienceMs: number,
  ): Promise<Here> {
    const cf = this.#config.pinnedRegion === null ? request.cf : undefined;
    return this.at(cf, background, patienceMs);
  }

  /** Gives what `at` would find, if that is known without waiting and is current; null otherwise. */
  known(
    request: { readonly cf?: unknown },
    ctx: Pick<ExecutionContext, "waitUntil">,
    nowMs: number,
  ): Pick<Here, "config" | "purges"> | null {
    const { pinnedRegion, regions, place: deployed } = this.#config;
    if (pinnedRegion !== null) return this.#leaseOf(pinnedRegion, this.#config).held(nowMs, ctx);
    const place = placeOf(request.cf, deployed);
    const first = decideRegion(place, regions, pinnedRegion).region;
    const view = this.#leaseOf(first, this.#config).held(nowMs, ctx);
    if (view === null) return null;
    const { region } = decideRegion(place, view.config.regions, pinnedRegion);
    if (region === first) return view;
    const there = this.#leaseOf(region, view.config).held(nowMs, ctx);
    return there === null ? null : { config: view.config, purges: there.purges };
  }

  /** Finds who is let in by a region, for an object that belongs to it. */
  async guardOf(region: string, background: Background): Promise<Guard> {
    return (await this.#leaseOf(region, this.#config).current(background)).guard;
  }

  /** Asks a region anew when something is needed of it next. */
  expire(region: string): void {
    this.#leaseOf(region, this.#config).expire();
  }

  /** Waits for all of a session where a request is served; true: this isolate knows it as well. */
  async hasSeen(
    cf: unknown,
    tokens: readonly SessionToken[],
    background: Background,
  ): Promise<boolean> {
    const { region, config } = await this.at(cf, background);
    const cell = openCell(this.#env, config, region);
    const asking = Promise.resolve(cell.seen(tokens)).catch(() => false);
    if ((await within(asking, SESSION_WAIT_MS_MAX + limits.leaseTimeoutMs)) !== true) return false;
    return this.#leaseOf(region, config).anew(limits.leaseTimeoutMs);
  }

  #leaseOf(region: string, config: EdgeConfig): HeldLease<View> {
    const held = this.#held.get(region);
    if (held !== undefined) return held;
    const oldest = this.#held.keys().next();
    if (this.#held.size >= limits.leasedRegionsMax && oldest.done !== true)
      this.#held.delete(oldest.value);
    const denialOf = this.#askAbout(region, config);
    const source = {
      nowMs: () => Date.now(),
      within,
      ask: async (known: View) => {
        // The call's type loses the tuples of the lists; the value is what `lease` returned.
        const lease = await openCell(this.#env, config, region).lease(known.version);
        return lease === null
          ? known
          : this.#viewOf(region, lease as unknown as RegionLease, known, denialOf);
      },
      log: (event: string, fields: Record<string, string | number>) =>
        log(event, { region, ...fields }),
    };
    const lease: HeldLease<View> = new HeldLease(
      source,
      this.#untold(() => lease.told(limits.firstLeaseTimeoutMs)),
    );
    this.#held.set(region, lease);
    return lease;
  }

  /**
   * What goes before anything was told: the deployment's configuration. Credentials wait for what is
   * told, because whoever is revoked must not get in through an isolate that has just begun (P8).
   */
  #untold(told: () => Promise<View | null>): View {
    const verifier = this.#verifierOf(null);
    const registered: Registered = {
      verifier: async () => ((await told()) ?? { verifier }).verifier,
      denialOf: async (device) => {
        const view = await told();
        return view === null || view.version === "" ? "unknown" : view.registered.denialOf(device);
      },
      nowMs: () => Date.now(),
      outage: null,
      graceMs: 0,
    };
    const nothing = { version: "", configText: null, keysText: null, denials: NO_DENIALS };
    const guard = new Guard(registered);
    return { ...nothing, config: this.#config, verifier, registered, guard, purges: NO_PURGES };
  }

  #viewOf(
    region: string,
    lease: RegionLease,
    known: View,
    ask: (device: string) => Promise<Denial | "unknown">,
  ): View {
    const published = this.#published(region, lease.config, known);
    const verifier = this.#verifierFor(region, lease.keys, known);
    const denials = learn(known.denials, lease.denials);
    const registered: Registered = {
      verifier: () => verifier,
      denialOf: (device) => (denials.mustAsk ? ask(device) : denialIn(denials, device)),
      nowMs: () => hubTime(lease.clock, Date.now()),
      outage: lease.outage,
      graceMs: this.#config.graceMs,
    };
    const { config, configText } = published;
    return {
      version: lease.version,
      config,
      configText,
      keysText: lease.keys,
      verifier,
      denials,
      registered,
      guard: new Guard(registered),
      purges: new PurgeBook(lease),
    };
  }

  /** Another verifier for other keys: what was verified with those that are gone is forgotten. */
  #verifierFor(region: string, text: string | null, known: View): TokenVerifier | null {
    if (text === known.keysText) return known.verifier;
    if (text !== null && readIssuers(text) === null) {
      log("keys-refused", { region });
      return known.verifier;
    }
    return this.#verifierOf(text);
  }

  #verifierOf(published: string | null): TokenVerifier | null {
    const issuers = published === null ? null : readIssuers(published);
    if (issuers === null && this.#config.issuerKeys === null) return null;
    const keys = keysInForce(this.#deployedKeys, issuers);
    return new TokenVerifier({ keys: keys as JSONWebKeySet["keys"] });
  }

  /** What is published goes before what was deployed; what cannot be read changes nothing. */
  #published(
    region: string,
    text: string | null,
    known: View,
  ): Pick<View, "config" | "configText"> {
    if (text === known.configText) return known;
    if (text === null) return { config: this.#config, configText: text };
    const read = readConfig(text);
    if (read === null) {
      log("config-refused", { region });
      return { config: known.config, configText: text };
    }
    const { sites, regions, content } = { ...this.#config, ...defined(read) };
    return { config: { ...this.#config, sites, regions, content }, configText: text };
  }

  /** Makes the way to ask a cell about single devices; an answer goes for as long as a lease. */
  #askAbout(region: string, config: EdgeConfig): (device: string) => Promise<Denial | "unknown"> {
    const asked = new Map<string, AskedDenial>();
    const ask = async (device: string): Promise<Denial | "unknown"> => {
      const cell = openCell(this.#env, config, region);
      const asking = Promise.resolve(cell.denialOf(device)).catch(String);
      const answer = await within(asking, limits.leaseTimeoutMs);
      if (typeof answer !== "string") return answer;
      log("denial-unknown", { region, device, reason: answer });
      asked.delete(device);
      return "unknown";
    };
    return (device) => {
      const nowMs = Date.now();
      const held = asked.get(device);
      const isFresh =
        held !== undefined && held.askedMs <= nowMs && nowMs - held.askedMs < limits.leaseMs / 2;
      if (isFresh) return held.answer;
      asked.delete(device);
      const oldest = asked.keys().next();
      if (asked.size >= limits.askedDenialsMax && oldest.done !== true) asked.delete(oldest.value);
      const answer = ask(device);
      asked.set(device, { askedMs: nowMs, answer });
      return answer;
    };
  }
}

/** What a document says, without what it leaves out. */
function defined(
  read: DeploymentConfig,
): Partial<Pick<EdgeConfig, "sites" | "regions" | "content">> {
  return Object.fromEntries(Object.entries(read).filter(([, said]) => said !== undefined));
}

/** Opens a region's cell; the region's location hint is where its first use places it. */
export function openCell(
  { REGION_CELL }: EdgeEnv,
  { regions }: EdgeConfig,
  region: string,
): DurableObjectStub<RegionCell> {
  const hint = regions.find(({ id }) => id === region)?.locationHint ?? null;
  return REGION_CELL.get(
    REGION_CELL.idFromName(`${region}/cell`),
    hint === null ? {} : { locationHint: hint as DurableObjectLocationHint },
  );
}
