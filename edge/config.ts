// What does a deployment of the edge decide? The parsed configuration; platform/env.ts makes it
// from the Worker's bindings and names everything that is missing or wrong.

import type { RuleSettings } from "../state/rule.ts";
import type { SiteSettings } from "../state/site.ts";
import type { BufferQuota } from "./buffer/quota.ts";
import type { TierName } from "./absent-tiers.ts";
import type { EvictionName } from "./cache/eviction/policies.ts";
import type { Place, RegionSpec } from "./routing/region.ts";

/** How much a second; null: there is no limit. */
export interface DeviceRate {
  readonly readings: number | null;
  readonly requests: number | null;
}

/** Where a site's content comes from, and how strict its cache is. */
export interface SiteUpstream {
  /** A base URL without a trailing slash; the path and query of a request follow it. */
  readonly url: string;
  readonly profile: "safe" | "rfc";
  /** Lower-case names of fields that the server knows, beside those that every server does. */
  readonly fields: readonly string[];
}

/** The edge's configuration, checked; `sites`, `regions` and `content` may be published at the origin. */
export interface EdgeConfig {
  /** The one region that this process serves (self-hosted), or null: the place decides. */
  readonly pinnedRegion: string | null;
  readonly regions: readonly RegionSpec[];
  /** Where this process stands, for runtimes that do not say (`request.cf` is Cloudflare's). */
  readonly place: Place | null;
  /** The origin's base URL without a trailing slash. */
  readonly originUrl: string;
  /** Host (lower case, without port) to site; "*" is every other host. */
  readonly sites: Readonly<Record<string, string>>;
  /** Sites whose content comes from another HTTP server; the others are published at the origin. */
  readonly upstreams: Readonly<Record<string, SiteUpstream>>;
  /** What an isolate's memory gives up of the cache when it is full. */
  readonly eviction: EvictionName;
  /** Which requests leave a line in the log. */
  readonly logged: "all" | "errors" | "none";
  /** The tiers of the cache that there are. */
  readonly tiers: readonly TierName[];
  /** Bytes on disk that a region's cell may take. */
  readonly cellBytesMax: number;
  /** Bytes of bodies that a cell may have in the bucket. */
  readonly bucketBytesMax: number;
  /** The rules until others are published. */
  readonly rules: Readonly<Record<string, RuleSettings>>;
  /** What is published of sites, by their names: it goes before `upstreams`. */
  readonly content: Readonly<Record<string, SiteSettings>>;
  /** When the database of a hub takes in its log: as SQLite does, or once no commits come. */
  readonly checkpoints: "any-time" | "at-rest";
  /** DeviceHubs of a region: a power of two from 1 to 256. */
  readonly hubs: number;
  /** In development a door without its keys refuses alone; otherwise every door does. */
  readonly isDev: boolean;
  /** Hosts that the API answers on; empty: any host, by path (development). */
  readonly apiHosts: readonly string[];
  /** Public keys of the token issuers, a JWK set (RFC 7517) as JSON; null if missing. */
  readonly issuerKeys: string | null;
  /** The link's HMAC secret, base64url; null if missing. */
  readonly linkKey: string | null;
  /** What small devices' keys are derived from, base64url; null: no signed requests. */
  readonly deviceRootKey: string | null;
  /** How long after its expiry a credential is honoured while the origin is away, milliseconds. */
  readonly graceMs: number;
  /** What any device may send a second, unless its credential says otherwise. */
  readonly deviceRate: DeviceRate;
  /** The header in which a trusted proxy says whose address a request comes from; null: none does. */
  readonly addressHeader: string | null;
  /** Requests of the API a second from one address; null: there is no limit, or no header. */
  readonly addressRate: number | null;
  /** How much may wait for the origin in each hub, and what becomes of more. */
  readonly buffer: BufferQuota;
  /** Names of secrets that are missing, each with what it is for. */
  readonly missing: readonly string[];
}
