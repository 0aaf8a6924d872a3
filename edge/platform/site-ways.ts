// How is each site's content asked for, and how strictly is it cached? What is published of a site goes
// before what was deployed. A site whose settings change keeps what is believed of its upstream.

import type { SiteSettings, UpstreamSetting } from "../../state/site.ts";
import { PUBLISHED, RFC, SAFE, type CachePolicy } from "../cache/cache-policy.ts";
import type { EdgeConfig } from "../config.ts";
import type { ContentPorts, OriginContent } from "../content-ports.ts";
import { limits } from "../limits.ts";
import { INITIAL_HEALTH } from "../routing/origin-health.ts";
import { SparedTargets } from "../routing/spared-targets.ts";
import { BodyBudget } from "./arriving-body.ts";
import { openHttpUpstream, openOriginContent, type EdgeBody } from "./origin-content.ts";

/** A server that is asked for content, and what this isolate believes about it. */
interface Server {
  readonly origin: OriginContent<EdgeBody>;
  readonly health: ContentPorts<EdgeBody>["health"];
  readonly baseUrl: string;
}

/** How a site's content is asked for. */
export interface Way extends Server {
  readonly policy: CachePolicy;
  /** What is published of the site; not given: nothing. */
  readonly settings?: SiteSettings;
}

/** The ways of all sites of an isolate. */
export class SiteWays {
  readonly #budget = new BodyBudget(limits.arrivingBytesMax);
  readonly #published: Way;
  readonly #servers = new Map<string, Server>();
  /** By what is published of a site, which is one object for as long as it is the same. */
  readonly #ways = new WeakMap<SiteSettings, Way>();
  readonly #deployed = new Map<string, Way>();

  constructor({ originUrl, linkKey, upstreams }: EdgeConfig) {
    const origin = openOriginContent(originUrl, linkKey, this.#budget);
    const server = serverOf(origin, PUBLISHED, originUrl);
    this.#published = { ...server, policy: PUBLISHED };
    for (const [site, upstream] of Object.entries(upstreams))
      this.#deployed.set(site, this.#toUpstream(site, upstream));
  }

  /** Finds a site's way, given what is published. */
  of(site: string | null, { content }: EdgeConfig): Way {
    if (site === null) return this.#published;
    const settings = Object.hasOwn(content, site) ? content[site] : undefined;
    const deployed = this.#deployed.get(site) ?? this.#published;
    if (settings === undefined) return deployed;
    const known = this.#ways.get(settings);
    if (known !== undefined) return known;
    const { upstream, maxOffline } = settings;
    const way = upstream === undefined ? deployed : this.#toUpstream(site, upstream);
    const staleMsMax = maxOffline === undefined ? way.policy.staleMsMax : maxOffline * 1000;
    const made = { ...way, settings, policy: { ...way.policy, staleMsMax } };
    this.#ways.set(settings, made);
    return made;
  }

  #toUpstream(site: string, { url, profile, fields }: UpstreamSetting): Way {
    const policy = { ...(profile === "rfc" ? RFC : SAFE), knownFields: fields };
    const baseUrl = url.replace(/\/+$/, "");
    // Its own for each site: what one believes of a server must not come from another site's pages.
    const name = `${site} ${baseUrl}`;
    const server =
      this.#servers.get(name) ?? serverOf(openHttpUpstream(baseUrl, this.#budget), policy, baseUrl);
    this.#servers.set(name, server);
    const oldest = this.#servers.keys().next();
    if (this.#servers.size > limits.knownServersMax && oldest.done !== true)
      this.#servers.delete(oldest.value);
    return { ...server, policy };
  }
}

function serverOf(
  origin: OriginContent<EdgeBody>,
  { tolerance }: CachePolicy,
  baseUrl: string,
): Server {
  const spared = new SparedTargets({
    firstMs: limits.sparedFirstMs,
    sparedMs: limits.sparedTargetMs,
    targetsMax: limits.sparedTargetsMax,
  });
  return { origin, baseUrl, health: { state: INITIAL_HEALTH, tolerance, spared } };
}
