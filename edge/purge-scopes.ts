// Which stored responses does an operator mean? URLs, prefixes, hosts and tags become the scopes of
// marks. Scopes name a site and not its hosts, because stored responses of all its hosts are the same.

import { isHostField } from "../http/host.ts";
import type { ProblemItem } from "../http/problem.ts";
import {
  EVERYTHING,
  PREFIX,
  SOFT_SCOPE_CHARS_MAX,
  softScope,
  urlScope,
} from "../state/purge-scope.ts";
import { fnv1a32 } from "../sync/hash.ts";
import { err, ok, type Result } from "../sync/result.ts";
import { decideTarget, type Target } from "./cache/cache-key.ts";
import { limits } from "./limits.ts";
import { siteOf } from "./routing/path.ts";

/** What is to be purged; of a shape that has been checked. */
export interface PurgeRequest {
  readonly urls?: readonly string[] | undefined;
  readonly prefixes?: readonly string[] | undefined;
  readonly hosts?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly groups?: readonly { readonly host: string; readonly group: string }[] | undefined;
  readonly all?: true | undefined;
  /** `soft`: what is meant is stale, and validated; `hard`, which it is unless told: gone. */
  readonly mode?: "hard" | "soft" | undefined;
}

type Sites = Readonly<Record<string, string>>;
type Fault = Pick<ProblemItem, "code" | "message">;
type Scope = Result<string, Fault>;

/** The code of what a token for other sites, or for some, does not allow. */
export const NOT_ALLOWED = "not-allowed";

/** Finds the site of a host that is purged. */
type SiteAt = (host: string) => Result<string, Fault>;

/**
 * Finds the scopes of a purge, each once, or everything that is wrong with it.
 *
 * @param own  The sites that may be purged; not given: all. Tags are of all sites.
 */
export function scopesOf(
  request: PurgeRequest,
  sites: Sites,
  own?: ReadonlySet<string>,
): Result<readonly string[], readonly ProblemItem[]> {
  const { urls = [], prefixes = [], hosts = [], tags = [], groups = [], all, mode } = request;
  const lists = [urls, prefixes, hosts, tags, groups];
  const count = lists.reduce((sum, { length }) => sum + length, Number(all === true));
  if (count === 0)
    return err([
      item("", "no-scope", "Name what to purge: urls, prefixes, hosts, tags, groups or all"),
    ]);
  if (count > limits.purgeScopesMax)
    return err([
      item(
        "",
        "too-many-scopes",
        `${count} are more than the ${limits.purgeScopesMax} scopes of one purge: send several`,
      ),
    ]);
  const read = readEntries(request, sites, own);
  const wrong = read.flatMap((scope) => (scope.ok ? [] : [scope.error]));
  if (wrong.length > 0) return err(wrong.slice(0, limits.errorsListedMax));
  const scopes = read.flatMap((scope) => (scope.ok ? [scope.value] : []));
  const meant = new Set(all === true ? [EVERYTHING, ...scopes] : scopes);
  return ok(mode === "soft" ? [...meant].map(softScope) : [...meant]);
}

/** Reads each entry of a purge but `all`, which is only looked at for whether it is allowed. */
function readEntries(
  {
    urls = [],
    prefixes = [],
    hosts = [],
    tags = [],
    groups = [],
    all,
    mode = "hard",
  }: PurgeRequest,
  sites: Sites,
  own?: ReadonlySet<string>,
): readonly Result<string, ProblemItem>[] {
  const at: SiteAt = (host) => ownSiteAt(host, sites, own);
  const wide = own === undefined ? null : OF_ALL_SITES;
  return [
    ...(all === true && wide !== null ? [named("/all", wide)] : []),
    ...urls.map((url, i) => named(`/urls/${i}`, scopeOfUrl(url, at))),
    ...prefixes.map((prefix, i) => named(`/prefixes/${i}`, scopeOfPrefix(prefix, at, mode))),
    ...hosts.map((host, i) => named(`/hosts/${i}`, scopeOfHost(host, at))),
    ...tags.map((tag, i) => named(`/tags/${i}`, wide ?? scopeOfTag(tag))),
    ...groups.map((group, i) => named(`/groups/${i}`, scopeOfGroup(group, at))),
  ];
}

/** The scope of all objects of a site. */
export function siteScope(site: string): string {
  return `site ${site}`;
}

/** The scope of whatever begins with a canonical path: a text, not a folder. */
export function prefixScope(site: string, path: string): string {
  return `${PREFIX}${site}${path}`;
}

/** The scope of what is tagged with `tag`. */
export function tagScope(tag: string): string {
  return `tag ${tag.toLowerCase()}`;
}

/** The scope of a site's group (RFC 9875); one whose name is long is named by a hash. */
export function groupScope(site: string, group: string): string {
  const isShort = group.length <= limits.purgeTagCharsMax;
  return `group ${site} ${isShort ? group : `~${fnv1a32(group).toString(16)}`}`;
}

/** The object that a canonical path names: a folder's is its index.html. */
export function objectOf(path: string): string {
  const name = decode(path.slice(1));
  return name === "" || name.endsWith("/") ? `${name}index.html` : name;
}

function scopeOfUrl(url: string, at: SiteAt): Scope {
  const found = locate(url, at);
  return found.ok ? ok(urlScope(found.value.site, objectOf(found.value.target.path))) : found;
}

function scopeOfPrefix(prefix: string, at: SiteAt, mode: "hard" | "soft"): Scope {
  const found = locate(prefix, at);
  if (!found.ok) return found;
  const { site, target } = found.value;
  if (target.query !== "") return fault("query", "A prefix has no query: it is that of a path");
  const scope = prefixScope(site, target.path);
  const most = mode === "soft" ? SOFT_SCOPE_CHARS_MAX : limits.purgeScopeCharsMax;
  return scope.length <= most
    ? ok(scope)
    : fault("too-long", `The path of a prefix has at most ${most - 40} characters when escaped`);
}

function scopeOfHost(host: string, at: SiteAt): Scope {
  const site = at(host);
  return site.ok ? ok(siteScope(site.value)) : site;
}

/** A group is a string of Structured Fields: printable ASCII. */
function scopeOfGroup({ host, group }: { host: string; group: string }, at: SiteAt): Scope {
  const site = at(host);
  if (!site.ok) return site;
  return /^[\x20-\x7e]+$/.test(group)
    ? ok(groupScope(site.value, group))
    : fault("group", "A group has printable ASCII characters");
}

/** A tag is visible ASCII without a comma, which separates tags in a field. */
function scopeOfTag(tag: string): Scope {
  return /^[\x21-\x2b\x2d-\x7e]+$/.test(tag)
    ? ok(tagScope(tag))
    : fault("tag", "A tag has visible ASCII characters and no comma");
}

function locate(url: string, at: SiteAt): Result<{ site: string; target: Target }, Fault> {
  const [, host, rest = ""] = /^https?:\/\/([^/?#@]+)([/?#].*)?$/is.exec(url) ?? [];
  if (host === undefined)
    return fault("url", "Give it whole, as in https://www.example.com/news/today");
  const site = at(host);
  if (!site.ok) return site;
  const target = decideTarget(rest.startsWith("/") ? rest : `/${rest}`);
  return target.kind === "refused"
    ? fault(target.reason, target.detail)
    : ok({ site: site.value, target });
}

const OF_ALL_SITES: Result<never, Fault> = {
  ok: false,
  error: { code: NOT_ALLOWED, message: "This is of all sites, and the token is for some" },
};

function ownSiteAt(
  host: string,
  sites: Sites,
  own: ReadonlySet<string> | undefined,
): Result<string, Fault> {
  const site = siteAt(host, sites);
  if (!site.ok || own === undefined || own.has(site.value)) return site;
  return fault(NOT_ALLOWED, `The token is not for the site "${site.value}"`);
}

/** What is no host at all is not every other host's site: who meant another would take it for purged. */
function siteAt(host: string, sites: Sites): Result<string, Fault> {
  if (!isHostField(host))
    return fault("host", `"${host.slice(0, 80)}" is no host: name it alone, as www.example.com`);
  const site = siteOf(host.toLowerCase().replace(/:\d+$/, ""), sites);
  return site === null
    ? fault("unknown-host", `This deployment has no site for "${host.slice(0, 80)}"`)
    : ok(site);
}

function fault(code: string, message: string): Result<never, Fault> {
  return err({ code, message });
}

function named(pointer: string, scope: Scope): Result<string, ProblemItem> {
  return scope.ok ? scope : err(item(pointer, scope.error.code, scope.error.message));
}

function item(pointer: string, code: string, message: string): ProblemItem {
  return { pointer, code, message };
}

/** Escapes that are not UTF-8 stay as they are: whoever asks for them gets no object. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
