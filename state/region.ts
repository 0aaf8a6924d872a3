// What does every region hold a replica of, beside its devices' readings? The collections of the
// link between a RegionCell and the origin's registry, and how their keys are built. Both ends import
// this; ids and keys are part of the wire format.

import { parseDeviceId } from "../sync/brand.ts";
import type { Alert } from "../sync/crdt/alert.ts";
import type { LwwRegister } from "../sync/crdt/lww-register.ts";
import type { Unit } from "../sync/crdt/lattice.ts";
import type { Versioned } from "../sync/crdt/versioned.ts";
import { collection, type Collection, type Sender } from "../sync/replica/kind.ts";
import { alertKind, lwwKind, maxKind, setKind, versionedKind } from "../sync/replica/kinds.ts";
import { assert } from "../sync/assert.ts";
import { TIME_MS_MAX } from "../sync/limits.ts";
import type { StarWrite } from "../sync/replica/star-kind.ts";
import { ALERT_KEYS_MAX, refusalOfAlert } from "./alert.ts";
import { boundedRule } from "./bounded-rule.ts";
import { refusalOfReached } from "./command.ts";
import { PURGES_REMEMBERED, refusalOfRecord } from "./purge-record.ts";
import { WRITER_MARKS_MAX } from "./purge-scope.ts";
import { refusalOfField } from "./shadow.ts";

/** Registered devices: device. Only the origin registers and decommissions. */
export const devices: Collection<StarWrite<Unit>, Unit> = collection(1, "down", setKind);

/** What is said of a device: attributeKey(device, field). */
export const attributes: Collection<LwwRegister, LwwRegister> = collection(2, "down", lwwKind);

/**
 * Device to the highest generation of its credentials that is refused: it never goes down. A region
 * may revoke while the origin is away, so this travels both ways. Credentials are made for the
 * generation above it.
 */
export const revoked: Collection<number, number> = collection(
  3,
  "both",
  maxKind,
  boundedRule({
    refusal: refusalOfRevoked,
    keysMax: () => REVOKED_MAX,
  }),
);

/** The issuers' public keys, a JWK set (RFC 7517) as JSON, under ISSUERS. */
export const keys: Collection<Versioned, Versioned> = collection(4, "down", versionedKind);

/** The deployment's configuration as JSON, under CONFIG. */
export const config: Collection<Versioned, Versioned> = collection(5, "down", versionedKind);

/** Purge marks: purgeKey(writer, scope) to the writer's seq. Every region and the origin write own ones. */
export const purges: Collection<number, number> = collection(
  6,
  "both",
  maxKind,
  boundedRule({
    refusal: refusalOfPurge,
    keysMax: (key, sender) => (isOwn(key, sender) ? PURGES_MAX : RETURNED_PURGES_MAX),
    share: { startOf: (key) => parsePurgeKey(key).writer, keysMax: WRITER_MARKS_MAX },
  }),
);

/** What a device is to be like: fieldKey(device, path). Only the origin writes it. */
export const desired: Collection<LwwRegister, LwwRegister> = collection(7, "down", lwwKind);

/** What a device says that it is like: fieldKey(device, path). Regions write it; the origin erases. */
export const reported: Collection<LwwRegister, LwwRegister> = collection(
  8,
  "both",
  lwwKind,
  boundedRule({
    refusal: refusalOfReported,
    keysMax: () => REPORTED_MAX,
  }),
);

/** What devices are to do: fieldKey(device, reachedPath(id, state)), an entry for each state reached. */
export const commands: Collection<LwwRegister, LwwRegister> = collection(
  9,
  "both",
  lwwKind,
  boundedRule({
    refusal: refusalOfCommand,
    keysMax: () => COMMAND_KEYS_MAX,
  }),
);

/** Who purged what, and when (state/purge-history.ts): WRITER/PLACE to a record, of each writer so many. */
export const purgeRecords: Collection<LwwRegister, LwwRegister> = collection(
  10,
  "both",
  lwwKind,
  boundedRule({
    refusal: (key: string, { value }: LwwRegister) => refusalOfRecord(key, value),
    keysMax: () => (REGIONS_MAX + 1) * PURGES_REMEMBERED,
  }),
);

/**
 * Alerts of the last times that a rule held for a device: alertKey(device, rule, region, place). Hubs raise them
 * in their region, who may acknowledges them there or at the origin; the episode is when it began.
 */
export const alerts: Collection<Alert, Alert> = collection(
  11,
  "both",
  alertKind,
  boundedRule({
    refusal: refusalOfAlert,
    keysMax: () => ALERT_KEYS_MAX,
  }),
);

/** Everything that crosses the region's link. */
export const REGION_COLLECTIONS: readonly Collection[] = [
  devices,
  attributes,
  revoked,
  keys,
  config,
  purges,
  desired,
  reported,
  commands,
  purgeRecords,
  alerts,
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

/** The key of a field of a device's shadow; no path is empty but that of the version. */
export function fieldKey(device: string, path: string): string {
  return `${device}/${path}`;
}

/** Stands for a path: how often what is desired of a device was changed. */
export const DESIRED_VERSION = "";

/** The key of a purge of `scope` by `writer`; a writer's name has no space. */
export function purgeKey(writer: string, scope: string): string {
  return `${writer} ${scope}`;
}

/** Reads writer and scope back out of a key. */
export function parsePurgeKey(key: string): { readonly writer: string; readonly scope: string } {
  const at = key.indexOf(" ");
  return { writer: key.slice(0, at), scope: key.slice(at + 1) };
}

/** Generations of a device's credentials: one a second for thirty years. */
export const GENERATION_MAX = 1_000_000_000;
/** Devices whose credentials were ever refused. */
const REVOKED_MAX = 100_000;
/** Regions of a deployment. */
export const REGIONS_MAX = 64;
/** Marks of all writers, and those up to which marks of others than the sender are taken. */
const PURGES_MAX = 262_144;
const RETURNED_PURGES_MAX = 131_072;
assert(
  (REGIONS_MAX + 1) * WRITER_MARKS_MAX <= PURGES_MAX,
  "All that the regions and the origin may mark finds room (P5)",
);
/**
 * Fields that devices report, of all regions: some 400 bytes of memory each in every region, 1 kB at
 * most. A region takes new ones up to half of that, so that what several take at once is not refused
 * afterwards.
 */
export const REPORTED_MAX = 65_536;
/** Entries of commands, three or four each; a region takes new ones up to half of that. */
export const COMMAND_KEYS_MAX = 32_768;
/** How far above the hub's clock a mark may be that is not its writer's own, milliseconds. */
const RETURNED_AHEAD_MS_MAX = 86_400_000;

/** Any region may refuse a device, by its name and a generation that credentials may have. */
function refusalOfRevoked(device: string, generation: number): string | null {
  if (parseDeviceId(device) === null) return "not-a-device";
  return isWithin(generation, GENERATION_MAX) ? null : "generation-out-of-bounds";
}

/** Any region may say what a device reports: the device is wherever it is. */
function refusalOfReported(key: string, register: LwwRegister): string | null {
  const { device, field } = parseAttributeKey(key);
  return parseDeviceId(device) === null ? "not-a-device" : refusalOfField(field, register);
}

/** Any region may say what was asked of a device, and how far that has come. */
function refusalOfCommand(key: string, register: LwwRegister): string | null {
  const { device, field } = parseAttributeKey(key);
  return parseDeviceId(device) === null ? "not-a-device" : refusalOfReached(field, register);
}

/**
 * A region numbers its own marks, above its clock. Those of others it may hand back to an origin that
 * was restored from a copy: such a number is near the time of its purge, and one that is not would
 * leave its writer none above it.
 */
function refusalOfPurge(key: string, seq: number, sender: Sender): string | null {
  if (!/^[a-z0-9-]{1,32} [\x20-\x7e]{1,200}$/.test(key)) return "not-a-mark";
  const most = isOwn(key, sender) ? TIME_MS_MAX : sender.nowMs + RETURNED_AHEAD_MS_MAX;
  return isWithin(seq, most) ? null : "seq-out-of-bounds";
}

function isOwn(key: string, { replica }: Sender): boolean {
  return replica === `${parsePurgeKey(key).writer}/region`;
}

function isWithin(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= most;
}
