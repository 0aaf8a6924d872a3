// The content door: a Request becomes a ContentRequest, the use case answers it, and the answer
// becomes a Response. One isolate has one memory tier and one belief about the origin.

import { log, type RequestScope } from "../../doors/access-log.ts";
import { problemResponse } from "../../doors/respond.ts";
import type { ContentAnswer } from "../cache/answer.ts";
import { PUBLISHED, RFC, SAFE, type CachePolicy } from "../cache/cache-policy.ts";
import { TargetBook } from "../cache/target-book.ts";
import { WrittenKeys } from "../cache/written-keys.ts";
import type { EdgeConfig } from "../config.ts";
import type { ContentPorts, ContentRequest, OriginContent, PurgeWatch } from "../content-ports.ts";
import { Flights } from "../flights.ts";
import { limits } from "../limits.ts";
import { purgedMemory, purgedRegion } from "../purged-content.ts";
import { INITIAL_HEALTH } from "../routing/origin-health.ts";
import { SparedTargets } from "../routing/spared-targets.ts";
import { onlyHostOf, siteOf } from "../routing/path.ts";
import { serveContent } from "../serve.ts";
import type { EdgeEnv } from "./env.ts";
import { MemoryStore } from "./memory-store.ts";
import { openHttpUpstream, openOriginContent, type EdgeBody } from "./origin-content.ts";
import { openRegionContent } from "./region-content.ts";
import { decideUpgrade } from "../upgrade-content.ts";
import { passSocket } from "./upstream-socket.ts";
import { BodyBudget } from "./arriving-body.ts";
import { openCell, type Here, type Regions } from "./regions.ts";
import { within } from "../../doors/within.ts";

/** Answers one content request. */
export type ContentDoor = (
  request: Request,
  scope: RequestScope,
  ctx: ExecutionContext,
) => Promise<Response>;

/** Opens the door of an isolate. */
export function createContentDoor(
  deployed: EdgeConfig,
  env: EdgeEnv,
  regions: Regions,
): ContentDoor {
  const memory = new MemoryStore<EdgeBody>({
    bytesMax: limits.memoryCacheBytesMax,
    entriesMax: limits.memoryCacheEntriesMax,
    variantsMax: limits.variantsPerKeyMax,
    staleMsMax: limits.staleOfflineMsMax,
    eviction: deployed.eviction,
  });
  const ways = openWays(deployed);
  const flights = new Flights<EdgeBody>(limits.flightsMax);
  const targets = new TargetBook(limits.knownTargetsMax);
  const written = new WrittenKeys({
    keysMax: limits.writtenKeysMax,
    keptMs: limits.writtenKeptMs,
  });
  return async (request, scope, ctx) => {
    const background = (work: Promise<unknown>): void => ctx.waitUntil(work);
    const look = (): Promise<Here> => regions.at(request.cf, background, limits.purgePatienceMs);
    const here = await look();
    const { region, config } = here;
    const hint = config.regions.find((spec) => spec.id === region)?.locationHint ?? null;
    const { hostname: host, host: authority, protocol } = new URL(request.url);
    const name = siteOf(host, config.sites);
    const way = ways(name);
    const watch = watchPurges(here, look, (scopes) =>
      markPurged(env, config, region, scopes).then(() => regions.expire(region)),
    );
    const ports: ContentPorts<EdgeBody> = {
      memory: purgedMemory(memory, watch),
      region: purgedRegion(openRegionContent(env.CONTENT_CELL, region, hint), watch),
      origin: way.origin,
      health: way.health,
      purges: watch,
      flights,
      targets,
      written,
      nowMs: () => Date.now(),
      within,
      background,
    };
    Object.assign(scope.fields, { site: name, region });
    const asked: ContentRequest<EdgeBody> = {
      method: request.method,
      host,
      arrival: { host: authority, scheme: protocol === "https:" ? "https" : "http" },
      rawTarget: rawTargetOf(request.url),
      fields: request.headers,
      fieldList: () => [...request.headers],
      body: request.body,
    };
    const onlyHost = (): string | null => onlyHostOf(name ?? "", config.sites);
    const site = name === null ? null : { name, policy: way.policy, onlyHost };
    const upgrade = decideUpgrade(asked, site);
    if (upgrade.kind !== "none") {
      scope.fields["cache"] = `upgrade:${upgrade.kind}`;
      if (upgrade.kind === "refused") return problemResponse(upgrade.problem);
      return passSocket(`${way.baseUrl}${upgrade.target}`, upgrade.fields);
    }
    const answer = await serveContent(asked, site, ports);
    scope.fields["cache"] = answer.decision;
    return responseOf(answer);
  };
}

/** How a site's content is asked for: what one isolate believes about its upstream is in `health`. */
interface Way {
  readonly policy: CachePolicy;
  readonly origin: OriginContent<EdgeBody>;
  readonly health: ContentPorts<EdgeBody>["health"];
  readonly baseUrl: string;
}

/** Marks what an upstream says that a write has made doubtful (RFC 9875). */
async function markPurged(
  env: EdgeEnv,
  config: EdgeConfig,
  region: string,
  scopes: readonly string[],
): Promise<void> {
  try {
    await openCell(env, config, region).purge(scopes, "upstream");
  } catch (error) {
    log("groups-not-purged", { region, error: String(error) });
  }
}

/** Keeps a request's book of purges up to date. */
function watchPurges(first: Here, now: () => Promise<Here>, mark: PurgeWatch["mark"]): PurgeWatch {
  const watch = {
    book: first.purges,
    isCurrent: first.arePurgesCurrent,
    renew: async (): Promise<void> => {
      const here = await now();
      watch.book = here.purges;
      watch.isCurrent = here.arePurgesCurrent;
    },
    mark,
  };
  return watch;
}

/** Opens the way of each site: its own upstream's, or else the origin's. */
function openWays(deployed: EdgeConfig): (site: string | null) => Way {
  const budget = new BodyBudget(limits.arrivingBytesMax);
  const origin = openOriginContent(deployed.originUrl, deployed.linkKey, budget);
  const published = wayOf(PUBLISHED, origin, deployed.originUrl);
  const others = new Map(
    Object.entries(deployed.upstreams).map(([site, { url, profile }]) => [
      site,
      wayOf(profile === "rfc" ? RFC : SAFE, openHttpUpstream(url, budget), url),
    ]),
  );
  return (site) => others.get(site ?? "") ?? published;
}

function wayOf(policy: CachePolicy, origin: OriginContent<EdgeBody>, baseUrl: string): Way {
  const spared = new SparedTargets({
    sparedMs: limits.sparedTargetMs,
    targetsMax: limits.sparedTargetsMax,
  });
  const health = { state: INITIAL_HEALTH, tolerance: policy.tolerance, spared };
  return { policy, origin, health, baseUrl };
}

/** Path and query as the runtime gives them; parsing would change them before they are checked. */
function rawTargetOf(url: string): string {
  const at = url.indexOf("/", url.indexOf("://") + 3);
  return at < 0 ? "/" : url.slice(at);
}

function responseOf(answer: ContentAnswer<EdgeBody>): Response {
  if (answer.kind === "problem") return problemResponse(answer.problem);
  const headers = new Headers();
  for (const [name, value] of answer.fields) headers.append(name, value);
  const { status } = answer;
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  // Bytes are stored and passed on as the origin encoded them: "automatic" would encode them again.
  const encodeBody = headers.has("content-encoding") ? "manual" : "automatic";
  const body = partOf(answer) as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  return new Response(hasBody ? body : null, { status, headers, encodeBody });
}

/** Only what is held whole has a range. */
function partOf({
  body,
  range,
}: Extract<ContentAnswer<EdgeBody>, { kind: "content" }>): EdgeBody | null {
  if (range === undefined || !(body instanceof Uint8Array)) return body;
  return body.subarray(range.from, range.to + 1);
}
