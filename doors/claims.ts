// What does a token say of who holds it? The claims of a device's credential and of an operator's
// token (RFC 7519 §4), read strictly: a claim that is not understood lets nobody in.

/** What an operator may do. `admin` implies all others. */
export type Scope = "read" | "ingest" | "purge" | "publish" | "admin";

/** What a device may do with its own data. */
export type DeviceScope = "ingest" | "read";

export const SCOPES: readonly Scope[] = ["read", "ingest", "purge", "publish", "admin"];
export const DEVICE_SCOPES: readonly DeviceScope[] = ["ingest", "read"];
/** Who signs tokens, as their claim `iss` says. */
export const TOKEN_ISSUER = "skerry";
export const DEVICE_TOKEN_TYPE = "skerry-device+jwt";
export const OPERATOR_TOKEN_TYPE = "skerry-operator+jwt";

/** Prefixes of one credential. */
export const PREFIXES_MAX = 16;
/** The beginning of a stream's name. */
export const PREFIX = /^[a-z][a-z0-9_]{0,63}$/;
/** Sites that one token may be for, and the name of one. */
const SITES_MAX = 64;
export const SITE = /^[a-z0-9-]{1,32}$/;
/** Readings a second that a credential may allow, at most. */
export const RATE_MAX = 10_000_000;

/** A device's credential; `generation` rises when its older ones are to be refused. */
export interface DeviceIdentity {
  readonly kind: "device";
  readonly device: string;
  readonly generation: number;
  readonly scopes: ReadonlySet<DeviceScope>;
  /** How the names of the streams begin that it may write; null: all. */
  readonly prefixes: readonly string[] | null;
  /** Readings a second that it may send; null: as many as the deployment lets any device. */
  readonly rate: number | null;
}

export interface OperatorIdentity {
  readonly kind: "operator";
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The sites that it is for; not given: all, and all that is of none. */
  readonly sites?: ReadonlySet<string>;
}

export type Identity = DeviceIdentity | OperatorIdentity;

/** Tells whether an operator's scopes allow what `scope` names, everywhere. */
export function mayAct(identity: Identity, scope: Scope): boolean {
  return mayActSomewhere(identity, scope) && identity.sites === undefined;
}

/** The same, at some sites at least: whoever asks has to look at `sites`. */
export function mayActSomewhere(identity: Identity, scope: Scope): identity is OperatorIdentity {
  return (
    identity.kind === "operator" && (identity.scopes.has(scope) || identity.scopes.has("admin"))
  );
}

/** Reads who a token's claims name; null if they are not those of its type (`typ`). */
export function readIdentity(
  type: string | undefined,
  claims: Readonly<Record<string, unknown>>,
): Identity | null {
  const { sub } = claims;
  if (typeof sub !== "string" || sub === "") return null;
  if (type === DEVICE_TOKEN_TYPE) return readDevice(sub, claims);
  if (type !== OPERATOR_TOKEN_TYPE) return null;
  const scopes = scopesOf(claims["scope"], SCOPES);
  const { sites } = claims;
  if (scopes === null || (sites !== undefined && !isSiteList(sites))) return null;
  const own = sites === undefined ? {} : { sites: new Set(sites) };
  return { kind: "operator", name: sub, scopes, ...own };
}

function readDevice(
  device: string,
  { gen, scope, prefixes, rate }: Readonly<Record<string, unknown>>,
): DeviceIdentity | null {
  if (typeof gen !== "number" || !Number.isSafeInteger(gen)) return null;
  // A credential without scopes is for both: it was made before there were any.
  const scopes = scope === undefined ? new Set(DEVICE_SCOPES) : scopesOf(scope, DEVICE_SCOPES);
  if (scopes === null) return null;
  if (prefixes !== undefined && !isPrefixList(prefixes)) return null;
  if (rate !== undefined && !isRate(rate)) return null;
  return {
    kind: "device",
    device,
    generation: gen,
    scopes,
    prefixes: prefixes ?? null,
    rate: rate ?? null,
  };
}

/** Those of the scopes in a text (RFC 6749 §3.3) that exist; null if it is no text. */
function scopesOf<Name extends string>(
  scope: unknown,
  known: readonly Name[],
): ReadonlySet<Name> | null {
  if (typeof scope !== "string") return null;
  const named = scope.split(" ");
  return new Set(known.filter((name) => named.includes(name)));
}

function isPrefixList(prefixes: unknown): prefixes is readonly string[] {
  return (
    Array.isArray(prefixes) &&
    prefixes.length <= PREFIXES_MAX &&
    prefixes.every((prefix) => typeof prefix === "string" && PREFIX.test(prefix))
  );
}

/** An empty list is for no site, and not for all. */
function isSiteList(sites: unknown): sites is readonly string[] {
  return (
    Array.isArray(sites) &&
    sites.length <= SITES_MAX &&
    sites.every((site) => typeof site === "string" && SITE.test(site))
  );
}

function isRate(rate: unknown): rate is number {
  return typeof rate === "number" && rate > 0 && rate <= RATE_MAX;
}
