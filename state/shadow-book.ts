// What does a replica hold of devices' shadows, and what does it take? Used at both ends: the origin
// writes what is desired, a region what its devices report.

import { erase, write, type LwwRegister } from "../sync/crdt/lww-register.ts";
import type { Collection } from "../sync/replica/kind.ts";
import type { Draft } from "../sync/replica/draft.ts";
import { KeysOfDevices, type HeldKeys } from "./keys-of-devices.ts";
import { desired, DESIRED_VERSION, REPORTED_MAX, reported, fieldKey } from "./region.ts";
import {
  bytesOf,
  fieldsOf,
  planWrites,
  SHADOW_BYTES_MAX,
  SHADOW_FIELDS_MAX,
  type Fields,
  type FieldValue,
  type ReadPatch,
} from "./shadow.ts";

/** A replica, of either end. */
export interface ShadowReplica extends HeldKeys {
  read<View>(collection: Collection<never, View>, key: string): View | null;
  write(nowMs: number, change: (draft: Draft) => void): number;
}

/** The two sides of a shadow. */
export type ShadowSide = "desired" | "reported";

/** A device's shadow as a replica holds it; lists, so that it can be sent between objects. */
export interface HeldShadow {
  readonly desired: readonly (readonly [path: string, value: FieldValue])[];
  readonly reported: readonly (readonly [path: string, value: FieldValue])[];
  /** How often what is desired was changed. */
  readonly version: number;
  /** When a field of each side was last written, epoch milliseconds; null: never. */
  readonly desiredMs: number | null;
  readonly reportedMs: number | null;
}

/** What became of a patch. */
export type ShadowWrite =
  | { readonly kind: "written"; readonly shadow: HeldShadow }
  /** The patch was made for another version of what is desired. */
  | { readonly kind: "outdated"; readonly version: number }
  | { readonly kind: "too-large"; readonly bytes: number }
  | { readonly kind: "too-many-fields"; readonly fields: number }
  /** There are as many fields as there may be, of all devices or, with deletions, of this one. */
  | { readonly kind: "full" };

/** Deletions of a device that links have not acknowledged, and its fields, together. */
const KEYS_PER_SIDE_MAX = SHADOW_FIELDS_MAX * 4;

const COLLECTIONS = { desired, reported } as const;

/** The shadows of a replica. */
export class ShadowBook {
  readonly #replica: ShadowReplica;
  readonly #keys: Readonly<Record<ShadowSide, KeysOfDevices>>;
  readonly #fieldsMax: number;

  /** @param fieldsMax Fields of each side, of all devices; others than the deployment's for tests. */
  constructor(replica: ShadowReplica, fieldsMax: number = REPORTED_MAX / 2) {
    this.#replica = replica;
    this.#fieldsMax = fieldsMax;
    this.#keys = {
      desired: new KeysOfDevices(replica, desired),
      reported: new KeysOfDevices(replica, reported),
    };
  }

  /** Notes keys that came over the link. */
  note(collection: number, written: Iterable<string>): void {
    if (collection === desired.id) this.#keys.desired.note(written);
    if (collection === reported.id) this.#keys.reported.note(written);
  }

  /** Looks at everything that is held: after the whole state was told. */
  look(): void {
    this.#keys.desired.look();
    this.#keys.reported.look();
  }

  /** Finds a device's shadow; one without a field is there too, and empty. */
  find(device: string): HeldShadow {
    const sides = {
      desired: this.#side("desired", device),
      reported: this.#side("reported", device),
    };
    return {
      desired: [...fieldsOf(sides.desired)],
      reported: [...fieldsOf(sides.reported)],
      version: this.#version(device),
      desiredMs: latestOf(sides.desired),
      reportedMs: latestOf(sides.reported),
    };
  }

  /**
   * Patches one side of a shadow, all of the patch or nothing.
   *
   * Also a value that is there is written: another region may have written another one since, which
   * is not known here yet.
   *
   * @param isCurrent Whether a version of what is desired is the one that the patch was made for.
   */
  patch(
    side: ShadowSide,
    device: string,
    patch: ReadPatch,
    nowMs: number,
    isCurrent: (version: number) => boolean = () => true,
  ): ShadowWrite {
    const version = this.#version(device);
    if (!isCurrent(version)) return { kind: "outdated", version };
    const held = this.#side(side, device);
    const writes = planWrites(patch, held.keys()).filter(
      ([path, value]) => value !== null || held.has(path),
    );
    const refused = this.#refusal(side, device, held, writes);
    if (refused !== null) return refused;
    if (writes.length > 0) this.#write(side, device, writes, nowMs);
    return { kind: "written", shadow: this.find(device) };
  }

  /** Takes a device's fields away; at the origin, when it is decommissioned. */
  forget(device: string, nowMs: number): void {
    const keys = (["desired", "reported"] as const).flatMap((side) =>
      this.#keys[side].of(device).map((key) => [COLLECTIONS[side], key] as const),
    );
    if (keys.length === 0) return;
    this.#replica.write(nowMs, (draft) => {
      for (const [collection, key] of keys) draft.write(collection, key, erase(draft.stamp));
    });
  }

  #write(
    side: ShadowSide,
    device: string,
    writes: readonly (readonly [path: string, value: FieldValue | null])[],
    nowMs: number,
  ): void {
    const next = this.#version(device) + 1;
    const all = side === "desired" ? [...writes, [DESIRED_VERSION, next] as const] : writes;
    const keys = all.map(([path]) => fieldKey(device, path));
    this.#replica.write(nowMs, (draft) => {
      for (const [i, [, value]] of all.entries()) {
        const register = value === null ? erase(draft.stamp) : write(value, draft.stamp);
        draft.write(COLLECTIONS[side], keys[i] ?? "", register);
      }
    });
    this.#keys[side].note(keys);
  }

  #refusal(
    side: ShadowSide,
    device: string,
    held: ReadonlyMap<string, LwwRegister>,
    writes: readonly (readonly [path: string, value: FieldValue | null])[],
  ): ShadowWrite | null {
    const after = new Map(fieldsOf(held));
    for (const [path, value] of writes)
      if (value === null) after.delete(path);
      else after.set(path, value);
    // Whoever takes something away is never refused.
    if (after.size > SHADOW_FIELDS_MAX) return { kind: "too-many-fields", fields: after.size };
    const bytes = bytesOf(after as Fields);
    if (bytes > SHADOW_BYTES_MAX && bytes > bytesOf(fieldsOf(held)))
      return { kind: "too-large", bytes };
    const known = new Set(this.#keys[side].of(device));
    const added = writes.filter(([path]) => !known.has(fieldKey(device, path))).length;
    const isFull =
      this.#keys[side].size + added > this.#fieldsMax || known.size + added > KEYS_PER_SIDE_MAX;
    return added > 0 && isFull ? { kind: "full" } : null;
  }

  #side(side: ShadowSide, device: string): Map<string, LwwRegister> {
    const fields = new Map<string, LwwRegister>();
    for (const key of this.#keys[side].of(device)) {
      const path = key.slice(device.length + 1);
      const register = this.#replica.read(COLLECTIONS[side], key);
      if (register !== null && path !== DESIRED_VERSION) fields.set(path, register);
    }
    return fields;
  }

  #version(device: string): number {
    return Number(this.#replica.read(desired, fieldKey(device, DESIRED_VERSION))?.value ?? 0);
  }
}

function latestOf(fields: ReadonlyMap<string, LwwRegister>): number | null {
  let latest = 0;
  for (const { stamp } of fields.values()) latest = Math.max(latest, stamp.wallMs);
  return latest === 0 ? null : latest;
}
