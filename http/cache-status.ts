// How does each tier tell what it did? The Cache-Status field (RFC 9211), a list with one member
// for each cache on the way, the one nearest the origin first.

/** Why a request went on towards the origin (RFC 9211 §2.2); the arms that Skerry has. */
export type ForwardReason =
  | "bypass"
  | "method"
  | "miss"
  | "partial"
  | "request"
  | "stale"
  | "vary-miss";

/** One cache's member of the field. */
export interface CacheStatusMember {
  /** The cache's name, an sf-token. */
  readonly cache: string;
  /** A hit, or the reason for which the request went forward. */
  readonly outcome: "hit" | ForwardReason;
  /** Status of the response that came back from further on. */
  readonly fwdStatus?: number;
  /** Seconds of freshness left; negative for a stale response. */
  readonly ttl?: number;
  readonly isStored?: boolean;
  /** Another request's way to the origin was shared (RFC 9211 §2.7). */
  readonly isCollapsed?: boolean;
  /** What else there is to say, a kebab-case word (RFC 9211 §2.8). */
  readonly detail?: string;
}

/** Formats the field; members must be in order, nearest the origin first. */
export function formatCacheStatus(members: readonly CacheStatusMember[]): string {
  return members.map(formatMember).join(", ");
}

function formatMember(member: CacheStatusMember): string {
  const parameters = [
    member.outcome === "hit" ? "hit" : `fwd=${member.outcome}`,
    member.fwdStatus === undefined ? null : `fwd-status=${member.fwdStatus}`,
    member.ttl === undefined ? null : `ttl=${member.ttl}`,
    member.isStored === true ? "stored" : null,
    member.isCollapsed === true ? "collapsed" : null,
    member.detail === undefined ? null : `detail=${member.detail}`,
  ];
  return [member.cache, ...parameters.filter((parameter) => parameter !== null)].join("; ");
}
