// Which region does a request belong to, and what is known there? The deployment's own regions find
// the first cell, those that its replica has decide; and each region's view is held by lease.

import { log } from "../../doors/access-log.ts";
import { Guard, openVerifier, type Denial } from "../../doors/guard.ts";
import type { TokenVerifier } from "../../doors/tokens.ts";
import { readConfig } from "../../state/config.ts";
import { NO_PURGES, PurgeBook } from "../cache/purge-book.ts";
import type { EdgeConfig } from "../config.ts";
import { HeldLease } from "../held-lease.ts";
import { limits } from "../limits.ts";
import type { RegionCell } from "../objects/region-cell.ts";
import type { RegionLease } from "../region-replica.ts";
import { decideRegion, type Place, type RegionDecision } from "../routing/region.ts";
import type { EdgeEnv } from "./env.ts";
import { placeOf } from "./place.ts";
import { within } from "../../doors/within.ts";

/** Lets work go on after the answer has left. */
export type Background = (work: Promise<unknown>) => void;

/** Where a request is served, and by what. */
export interface Here extends RegionDecision {
  readonly place: Place | null;
  /** The deployment's, with what has been published in its place. */
  readonly config: EdgeConfig;
  readonly guard: Guard;
  readonly purges: PurgeBook;
}

/** What an isolate knows of a region; texts are kept to tell whether they have changed. */
interface View {
  /** Empty: nothing has been told yet. */
  readonly version: string;
  readonly configText: string | null;
  readonly config: EdgeConfig;
  readonly keysText: string | null;
  readonly verifier: TokenVerifier | null;
  readonly guard: Guard;
  readonly purges: PurgeBook;
}

/** The regions that an isolate serves. */
export class Regions {
  readonly #config: EdgeConfig;
  readonly #env: EdgeEnv;
  readonly #first: View;
  readonly #held = new Map<string, HeldLease<View>>();

  constructor(config: EdgeConfig, env: EdgeEnv) {
    this.#config = config;
    this.#env = env;
    const guard = new Guard(config.issuerKeys);
    const nothing = { configText: null, keysText: null, verifier: null };
    this.#first = { version: "", config, guard, purges: NO_PURGES, ...nothing };
  }

  /** Finds where a request is served. Never throws: a cell that is silent changes nothing. */
  async at(cf: unknown, background: Background): Promise<Here> {
    const { pinnedRegion, regions } = this.#config;
    const place = placeOf(cf, this.#config.place);
    const first = decideRegion(place, regions, pinnedRegion);
    const view = await this.#leaseOf(first.region, this.#config).current(background);
    const { config } = view;
    const decided = decideRegion(place, config.regions, pinnedRegion);
    const isThere = decided.region === first.region;
    const there = isThere ? view : await this.#leaseOf(decided.region, config).current(background);
    return { ...decided, place, config, guard: there.guard, purges: there.purges };
  }

  #leaseOf(region: string, config: EdgeConfig): HeldLease<View> {
    const held = this.#held.get(region);
    if (held !== undefined) return held;
    const oldest = this.#held.keys().next();
    if (this.#held.size >= limits.leasedRegionsMax && oldest.done !== true)
      this.#held.delete(oldest.value);
    const source = {
      nowMs: () => Date.now(),
      within,
      ask: async (known: View) => {
        // The call's type loses the tuples of the lists; the value is what `lease` returned.
        const lease = await openCell(this.#env, config, region).lease(known.version);
        return lease === null
          ? known
          : this.#viewOf(region, lease as unknown as RegionLease, known);
      },
      log: (event: string, fields: Record<string, string | number>) =>
        log(event, { region, ...fields }),
    };
    const lease = new HeldLease(source, this.#first);
    this.#held.set(region, lease);
    return lease;
  }

  #viewOf(region: string, lease: RegionLease, known: View): View {
    const published = this.#published(region, lease.config, known);
    // Another verifier for other keys: what was verified with those that are gone is forgotten.
    const isSame = lease.keys === known.keysText;
    const opened = isSame || lease.keys === null ? null : openVerifier(lease.keys);
    if (!isSame && lease.keys !== null && opened === null) log("keys-refused", { region });
    const isKept = isSame || (lease.keys !== null && opened === null);
    const verifier = isKept ? known.verifier : opened;
    const denialOf = this.#denialsOf(region, lease, published.config);
    const guard = this.#first.guard.with({ verifier, denialOf });
    const purges = new PurgeBook(lease);
    const { config, configText } = published;
    const { version, keys: keysText } = lease;
    return { version, config, configText, keysText, verifier, guard, purges };
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
    const { sites = this.#config.sites, regions = this.#config.regions } = read;
    return { config: { ...this.#config, sites, regions }, configText: text };
  }

  #denialsOf(
    region: string,
    lease: RegionLease,
    config: EdgeConfig,
  ): (device: string) => Denial | null | Promise<Denial | null> {
    const named = new Map<string, Denial>();
    for (const [device, what] of lease.denials) {
      const { revokedGeneration, isDisabled } = named.get(device) ?? NO_DENIAL;
      named.set(
        device,
        what === "disabled"
          ? { revokedGeneration, isDisabled: true }
          : { revokedGeneration: what, isDisabled },
      );
    }
    const find = (device: string): Denial | null => named.get(device) ?? null;
    if (!lease.hasMoreDenials) return find;
    return async (device) => {
      const asked = openCell(this.#env, config, region).denialOf(device).catch(String);
      const answer = await within(Promise.resolve(asked), limits.leaseTimeoutMs);
      if (typeof answer !== "string") return answer;
      log("denial-unknown", { region, device, reason: answer });
      return find(device);
    };
  }
}

const NO_DENIAL: Denial = { revokedGeneration: 0, isDisabled: false };

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
