// How does what the origin publishes get its number? The configuration and the issuers' keys: each a
// text with a version, one above the last.

import { config, CONFIG, ISSUERS, keys } from "../../state/region.ts";
import { isSameStrongTag, parseEntityTag } from "../../http/etag.ts";
import { publish, versioned, type Versioned } from "../../sync/crdt/versioned.ts";
import type { HubReplica } from "../../sync/replica/hub-replica.ts";

/** A text with its SHA-256 in lower-case hexadecimal. */
export interface HashedText {
  readonly content: string;
  readonly hash: string;
}

/** What became of a configuration. */
export type ConfigPublication =
  | { readonly kind: "published"; readonly version: number; readonly hash: string }
  /** The publisher has seen another version. */
  | { readonly kind: "outdated"; readonly version: number };

/** The configuration in force; version 0 if none was published. */
export function configOf(replica: HubReplica): Versioned {
  return replica.read(config, CONFIG) ?? versioned.bottom;
}

/**
 * Publishes a configuration; one that is in force already is published, whatever `ifMatch` says
 * (RFC 9110 §13.1.1).
 *
 * @param ifMatch The If-Match field, whose entity tags are versions; null if there is none.
 */
export function publishConfig(
  replica: HubReplica,
  { content, hash }: HashedText,
  ifMatch: string | null,
  nowMs: number,
): ConfigPublication {
  const before = configOf(replica);
  if (before.content === content)
    return { kind: "published", version: before.version, hash: before.hash };
  if (ifMatch !== null && !namesPublished(ifMatch, before.version))
    return { kind: "outdated", version: before.version };
  const next = publish(before, hash, content);
  replica.write(nowMs, (draft) => draft.write(config, CONFIG, next));
  return { kind: "published", version: next.version, hash };
}

/** Tells whether other issuers' keys than these are in force. */
export function areKeysNew(replica: HubReplica, content: string): boolean {
  return replica.read(keys, ISSUERS)?.content !== content;
}

/** Publishes the issuers' keys, unless they are in force. */
export function publishKeys(
  replica: HubReplica,
  { content, hash }: HashedText,
  nowMs: number,
): void {
  if (!areKeysNew(replica, content)) return;
  const before = replica.read(keys, ISSUERS) ?? versioned.bottom;
  replica.write(nowMs, (draft) => draft.write(keys, ISSUERS, publish(before, hash, content)));
}

/** Before anything was published `*` names nothing. */
function namesPublished(ifMatch: string, version: number): boolean {
  return namesVersion(ifMatch, version) && (version > 0 || ifMatch.trim() !== "*");
}

/** Tells whether an If-Match field names a version, or any (RFC 9110 §13.1.1). */
export function namesVersion(ifMatch: string, version: number): boolean {
  if (ifMatch.trim() === "*") return true;
  const current = { isWeak: false, opaque: String(version) };
  return ifMatch.split(",").some((tag) => isSameStrongTag(parseEntityTag(tag), current));
}
