// What does every region hold a replica of, beside its devices' readings? The collections of the
// link between a RegionCell and the origin's registry, and how their keys are built. Both ends import
// this; ids and keys are part of the wire format.

import type { LwwRegister } from "../sync/crdt/lww-register.ts";
import type { Unit } from "../sync/crdt/lattice.ts";
import type { Versioned } from "../sync/crdt/versioned.ts";
import { collection, type Collection } from "../sync/replica/kind.ts";
import { lwwKind, maxKind, setKind, versionedKind } from "../sync/replica/kinds.ts";
import type { StarWrite } from "../sync/replica/star-kind.ts";

/** Registered devices: device. Only the origin registers and decommissions. */
export const devices: Collection<StarWrite<Unit>, Unit> = collection(1, "down", setKind);

/** What is said of a device: attributeKey(device, field). */
export const attributes: Collection<LwwRegister, LwwRegister> = collection(2, "down", lwwKind);

/**
 * Device to the highest generation of its credentials that is refused: it never goes down. A region
 * may revoke while the origin is away, so this travels both ways. Credentials are made for the
 * generation above it.
 */
export const revoked: Collection<number, number> = collection(3, "both", maxKind);

/** The issuers' public keys, a JWK set (RFC 7517) as JSON, under ISSUERS. */
export const keys: Collection<Versioned, Versioned> = collection(4, "down", versionedKind);

/** The deployment's configuration as JSON, under CONFIG. */
export const config: Collection<Versioned, Versioned> = collection(5, "down", versionedKind);

/** Purge marks: purgeKey(writer, scope) to the writer's seq. Every region and the origin write own ones. */
export const purges: Collection<number, number> = collection(6, "both", maxKind);

/** Everything that crosses the region's link. */
export const REGION_COLLECTIONS: readonly Collection[] = [
  devices,
  attributes,
  revoked,
  keys,
  config,
  purges,
];

export const ISSUERS = "issuers";
export const CONFIG = "config";

/** Fields of a device. A disabled device may not post until it is enabled again. */
export type DeviceField = "disabled" | "registeredMs" | "name" | "group";

/** The key of a device's field; a device's name has no slash. */
export function attributeKey(device: string, field: DeviceField): string {
  return `${device}/${field}`;
}

/** Reads device and field back out of a key. */
export function parseAttributeKey(key: string): {
  readonly device: string;
  readonly field: string;
} {
  const at = key.indexOf("/");
  return { device: key.slice(0, at), field: key.slice(at + 1) };
}

/** The key of a purge of `scope` by `writer`; a writer's name has no space. */
export function purgeKey(writer: string, scope: string): string {
  return `${writer} ${scope}`;
}

/** Reads writer and scope back out of a key. */
export function parsePurgeKey(key: string): { readonly writer: string; readonly scope: string } {
  const at = key.indexOf(" ");
  return { writer: key.slice(0, at), scope: key.slice(at + 1) };
}
