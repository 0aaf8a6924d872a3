// The content door: a Request becomes a ContentRequest, the use case answers it, and the answer
// becomes a Response. One isolate has one memory tier and one belief about the origin.

import { log, type RequestScope } from "../../doors/access-log.ts";
import { linesOf, type FieldList } from "../../http/fields.ts";
import { endNominated, type RequestFields } from "../../http/forwarding.ts";
import { OFFLINE_S_MAX } from "../../state/site.ts";
import type { Problem } from "../../http/problem.ts";
import { noMemory, noRegion } from "../absent-tiers.ts";
import { answerProblem } from "../cache/answer.ts";
import { cacheKeyOf, decideTarget } from "../cache/cache-key.ts";
import { misdirected } from "../cache/problems.ts";
import { TargetBook } from "../cache/target-book.ts";
import { WrittenKeys } from "../cache/written-keys.ts";
import type { EdgeConfig } from "../config.ts";
import { ColoRest, withColo } from "../colo-content.ts";
import type {
  ContentPorts,
  ContentRequest,
  ContentSite,
  PurgeWatch,
  RegionContent,
} from "../content-ports.ts";
import { Flights } from "../flights.ts";
import { limits } from "../limits.ts";
import { purgedMemory, purgedRegion } from "../purged-content.ts";
import { hostOf, onlyHostOf, siteOf } from "../routing/path.ts";
import { enterSite, serveSite } from "../serve-site.ts";
import { HookRun } from "../site/hook-run.ts";
import { SITE_HOOKS } from "../sites/registry.ts";
import { keptQuery } from "../site/query-rule.ts";
import type { EdgeEnv } from "./env.ts";
import { openBackground } from "./background.ts";
import { openLarge, responseOf } from "./content-response.ts";
import { openColo } from "./colo-store.ts";
import { EncodedBodies } from "./encoded-bodies.ts";
import { MemoryHits, type HitTarget } from "./memory-hits.ts";
import { MemoryStore } from "./memory-store.ts";
import type { EdgeBody } from "./origin-content.ts";
import { StreamedBody } from "./sent-body.ts";
import { RegionCells } from "./region-content.ts";
import { decideUpgrade } from "../upgrade-content.ts";
import { passSocket } from "./upstream-socket.ts";
import { SiteWays, type Way } from "./site-ways.ts";
import { openCell, type Here, type Regions } from "./regions.ts";
import { within } from "../../doors/within.ts";

/** Answers content requests. */
export interface ContentDoor {
  /** Answers from memory, at once or as soon as what is known of purges is no longer too old; null: it takes more. */
  readonly hit: MemoryHits["answer"];
  readonly answer: (
    request: Request,
    scope: RequestScope,
    ctx: ExecutionContext,
  ) => Promise<Response>;
}

/** Opens the door of an isolate. */
export function createContentDoor(
  deployed: EdgeConfig,
  env: EdgeEnv,
  regions: Regions,
): ContentDoor {
  const { memory, flights, targets, written, rest } = openIsolate(deployed);
  const ways = new SiteWays(deployed);
  const hasRegion = deployed.tiers.includes("region");
  const hasColo = deployed.tiers.includes("colo");
  const cells = new RegionCells(env, deployed.tiers.includes("memory"));
  const hits = new MemoryHits(memory, regions, deployed.logged === "all");
  const encoder = new EncodedBodies(limits.encodedBytesMax);
  const answer: ContentDoor["answer"] = async (request, scope, ctx) => {
    const background = openBackground(ctx);
    const look = (): Promise<Here> =>
      regions.atRequest(request, background, limits.purgePatienceMs);
    const here = await look();
    const { region, config } = here;
    const hint = config.regions.find((spec) => spec.id === region)?.locationHint ?? null;
    const { hostname: host, host: authority, protocol } = scope.url ?? new URL(request.url);
    const name = siteOf(host, config.sites);
    const way = ways.of(name, config);
    const watch = watchPurges(here, look, (scopes) =>
      markPurged(env, config, region, scopes).then(() => regions.expire(region)),
    );
    const behindMemory = (): RegionContent<EdgeBody> => {
      const cell = hasRegion ? cells.open(region, hint) : noRegion<EdgeBody>();
      if (!hasColo) return cell;
      const colo = openColo(hostOf(name ?? "", config.sites) ?? host);
      return withColo(cell, colo, { nowMs, within, background, purges: watch, written, rest });
    };
    const ports: ContentPorts<EdgeBody> = {
      memory: purgedMemory(memory, watch),
      region: hasRegion || hasColo ? purgedRegion(behindMemory(), watch) : noRegion(),
      origin: way.origin,
      encoder,
      health: way.health,
      purges: watch,
      flights,
      targets,
      written,
      nowMs,
      within,
      background,
    };
    Object.assign(scope.fields, { site: name, region });
    const asked: ContentRequest<EdgeBody> = {
      method: request.method,
      host,
      arrival: { host: authority, scheme: protocol === "https:" ? "https" : "http" },
      rawTarget: rawTargetOf(request.url),
      ...endNominated(fieldsOf(request)),
      body: sentBodyOf(request),
    };
    const site = siteFor(name, way, config);
    const upgrade = decideUpgrade(asked, site);
    if (upgrade.kind !== "none") {
      scope.fields["cache"] = `upgrade:${upgrade.kind}`;
      if (upgrade.kind === "refused") return refusal(upgrade.problem);
      return passUpgrade(asked, site, way.baseUrl);
    }
    const answered = await openLarge(() => serveSite(asked, site, ports));
    scope.fields["cache"] = answered.decision;
    if (isOfMemory(answered.decision) && site !== null) {
      learnHit(hits, request, config, { ...site, belief: way.health }, asked.rawTarget);
    }
    return responseOf(answered);
  };
  return { hit: (request, ctx) => hits.answer(request, ctx), answer };
}

const nowMs = (): number => Date.now();

/** A request's fields, taken out of the runtime once: each look at them there leaves V8. */
function fieldsOf({ headers }: Request): RequestFields {
  const list: FieldList = [...headers];
  return { fields: linesOf(list), fieldList: () => list };
}

function sentBodyOf({ body, headers }: Request): StreamedBody | null {
  return body === null ? null : new StreamedBody(body, headers.get("content-length"));
}

/** What the requests of an isolate share, and is lost with it. */
function openIsolate(deployed: EdgeConfig): Pick<
  ContentPorts<EdgeBody>,
  "memory" | "flights" | "targets" | "written"
> & {
  readonly rest: ColoRest;
} {
  const memory = new MemoryStore<EdgeBody>({
    bytesMax: limits.memoryCacheBytesMax,
    entriesMax: limits.memoryCacheEntriesMax,
    variantsMax: limits.variantsPerKeyMax,
    staleMsMax: OFFLINE_S_MAX * 1000,
    eviction: deployed.eviction,
  });
  const flights = new Flights<EdgeBody>(limits.flightsMax);
  const targets = new TargetBook(limits.knownTargetsMax);
  const written = new WrittenKeys({
    keysMax: limits.writtenKeysMax,
    keptMs: limits.writtenKeptMs,
  });
  const hasMemory = deployed.tiers.includes("memory");
  const rest = new ColoRest();
  return { memory: hasMemory ? memory : noMemory(), flights, targets, written, rest };
}

/** A site as a request sees it; null: the host names none. */
function siteFor(
  name: string | null,
  { policy, settings }: Way,
  { sites }: EdgeConfig,
): ContentSite | null {
  if (name === null) return null;
  const hooks = Object.hasOwn(SITE_HOOKS, name) ? SITE_HOOKS[name] : undefined;
  return { name, policy, settings, hooks, onlyHost: () => onlyHostOf(name, sites) };
}

/** Passes a request for a WebSocket, unless hooks or redirects of its site answer it. */
function passUpgrade(
  asked: ContentRequest<EdgeBody>,
  site: ContentSite | null,
  baseUrl: string,
): Response | Promise<Response> {
  const { settings = {}, hooks } = site ?? {};
  const run = hooks === undefined ? undefined : new HookRun(hooks);
  const entered = enterSite(asked, settings, run);
  if (entered.kind === "answered") return responseOf(entered.answer);
  const upgrade = decideUpgrade(entered.request, site);
  if (upgrade.kind === "pass") return passSocket(`${baseUrl}${upgrade.target}`, upgrade.fields);
  return refusal(upgrade.kind === "refused" ? upgrade.problem : misdirected(asked.host));
}

const refusal = (problem: Problem): Response => responseOf(answerProblem(problem, [], "refused"));

/** Tells whether memory has what was answered: it is fresh, or stale while its upstream is away. */
function isOfMemory(decision: string): boolean {
  return decision === "memory-hit" || decision.startsWith("stale:");
}

/** What memory answers once it may answer again, by the shortest way. */
function learnHit(
  hits: MemoryHits,
  { url, headers }: Request,
  config: EdgeConfig,
  { name, policy, settings, hooks, belief }: ContentSite & Pick<HitTarget, "belief">,
  rawTarget: string,
): void {
  if (hooks !== undefined || settings?.compression !== undefined) return;
  const target = decideTarget(rawTarget);
  if (target.kind === "refused") return;
  const kept = { ...target, query: keptQuery(target.query, settings?.query) };
  const key = cacheKeyOf(name, kept);
  if (key.length > limits.targetUriCharsMax) return;
  const hostField = headers.get("host");
  hits.learn({ url, hostField, site: name, key, policy, belief, settings, config });
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

/** Path and query as the runtime gives them; parsing would change them before they are checked. */
function rawTargetOf(url: string): string {
  const at = url.indexOf("/", url.indexOf("://") + 3);
  return at < 0 ? "/" : url.slice(at);
}
