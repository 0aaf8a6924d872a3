// Which devices are there, and which of their credentials are refused? Kept as replicated state, so
// that every region knows it; only the origin adds and removes.

import {
  attributeKey,
  attributes,
  devices,
  revoked,
  type DeviceField,
} from "../../state/region.ts";
import { erase, write, type Scalar } from "../../sync/crdt/lww-register.ts";
import type { Draft } from "../../sync/replica/draft.ts";
import type { HubReplica } from "../../sync/replica/hub-replica.ts";
import type { DeviceChange, DeviceRow, RegisteredDevice } from "./device.ts";

/** What became of a registration. */
export type Registration =
  | { readonly kind: "registered"; readonly isNew: boolean; readonly device: RegisteredDevice }
  /** The registry holds as many devices, or remembers as many names, as it may. */
  | { readonly kind: "full"; readonly what: "devices" | "names" };

/** The bounds of a registry. */
export interface RegistryBounds {
  readonly devicesMax: number;
  /**
   * Names of devices that are there or were: a refused generation is remembered for good, since
   * nobody can tell that no credential of it is left.
   */
  readonly namesMax: number;
}

/** Devices by name, and whether there are more behind them. */
export interface DevicePage {
  readonly devices: RegisteredDevice[];
  readonly hasMore: boolean;
}

/** Devices of one commit while old rows are taken over: their entries fit a stored row. */
const ROWS_PER_COMMIT = 10_000;

const FIELDS: readonly DeviceField[] = ["registeredMs", "disabled", "name", "group"];

/** The devices of a replica. */
export class DeviceRegistry {
  readonly #replica: HubReplica;
  readonly #bounds: RegistryBounds;
  /** Ascending. Nobody else writes the collection, so this goes along with it. */
  readonly #names: string[];

  /** Names of which only a refused generation is left, as of a head of the replica. */
  #past = { head: -1, names: 0 };

  constructor(replica: HubReplica, bounds: RegistryBounds) {
    this.#replica = replica;
    this.#bounds = bounds;
    this.#names = [...replica.readAll(devices).keys()].toSorted();
  }

  find(device: string): RegisteredDevice | null {
    if (this.#replica.read(devices, device) === null) return null;
    const name = this.#attribute(device, "name");
    const group = this.#attribute(device, "group");
    return {
      device,
      generation: this.#generation(device),
      registeredMs: Number(this.#attribute(device, "registeredMs") ?? 0),
      isDisabled: this.#attribute(device, "disabled") === true,
      name: typeof name === "string" ? name : null,
      group: typeof group === "string" ? group : null,
    };
  }

  /** Tells what stands against a device's tokens; also of one that is not registered any more. */
  denialOf(device: string): { readonly revokedGeneration: number; readonly isDisabled: boolean } {
    return {
      revokedGeneration: this.#generation(device) - 1,
      isDisabled: this.#attribute(device, "disabled") === true,
    };
  }

  /** Lists devices by name, at most `most`, after the name `after`. */
  list(after: string, most: number): DevicePage {
    const from = this.#place(after);
    const first = this.#names[from] === after ? from + 1 : from;
    const page = this.#names.slice(first, first + most);
    return {
      devices: page.flatMap((name) => this.find(name) ?? []),
      hasMore: this.#names.length > first + most,
    };
  }

  /** Registers a device; registering it again changes nothing. */
  register(device: string, nowMs: number): Registration {
    const before = this.find(device);
    if (before !== null) return { kind: "registered", isNew: false, device: before };
    const { devicesMax, namesMax } = this.#bounds;
    if (this.#names.length >= devicesMax) return { kind: "full", what: "devices" };
    const past = this.#countPast();
    // A name that was there before takes no room of its own.
    const isPast = this.#replica.read(revoked, device) !== null;
    if (!isPast && this.#names.length + past >= namesMax) return { kind: "full", what: "names" };
    this.#replica.write(nowMs, (draft) => add(draft, device, nowMs));
    this.#names.splice(this.#place(device), 0, device);
    this.#past = { head: this.#replica.head, names: past - (isPast ? 1 : 0) };
    const added = this.find(device);
    if (added === null) throw new TypeError(`${device} is not there after it was added`);
    return { kind: "registered", isNew: true, device: added };
  }

  /** Refuses all credentials so far and begins the next generation; null if there is no device. */
  rotate(device: string, nowMs: number): RegisteredDevice | null {
    const before = this.find(device);
    if (before === null) return null;
    this.#replica.write(nowMs, (draft) => draft.write(revoked, device, before.generation));
    return this.find(device);
  }

  /** Changes what is said of a device; null if there is none. */
  change(device: string, change: DeviceChange, nowMs: number): RegisteredDevice | null {
    if (this.find(device) === null) return null;
    const { disabled, name, group } = change;
    this.#replica.write(nowMs, (draft) => {
      say(draft, device, "disabled", disabled === false ? null : disabled);
      say(draft, device, "name", name);
      say(draft, device, "group", group);
    });
    return this.find(device);
  }

  /** Takes a device out and refuses all of its credentials; false if there is none. */
  decommission(device: string, nowMs: number): boolean {
    const before = this.find(device);
    if (before === null) return false;
    this.#replica.write(nowMs, (draft) => {
      draft.write(devices, device, { kind: "remove" });
      draft.write(revoked, device, before.generation);
      for (const field of FIELDS) say(draft, device, field, null);
    });
    this.#names.splice(this.#place(device), 1);
    return true;
  }

  /** Looks through the refused generations again only if the replica has changed meanwhile. */
  #countPast(): number {
    if (this.#past.head === this.#replica.head) return this.#past.names;
    let names = 0;
    for (const device of this.#replica.readAll(revoked).keys())
      if (this.#replica.read(devices, device) === null) names += 1;
    return names;
  }

  #attribute(device: string, field: DeviceField): Scalar {
    return this.#replica.read(attributes, attributeKey(device, field))?.value ?? null;
  }

  #generation(device: string): number {
    return (this.#replica.read(revoked, device) ?? 0) + 1;
  }

  /** Where a name stands in the list, or would. */
  #place(name: string): number {
    let [low, high] = [0, this.#names.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#names[middle] ?? "") < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Takes over the rows of a registry that was not replicated yet. */
export function takeOver(replica: HubReplica, rows: readonly DeviceRow[], nowMs: number): void {
  for (let at = 0; at < rows.length; at += ROWS_PER_COMMIT) {
    replica.write(nowMs, (draft) => {
      for (const { device, generation, registeredMs } of rows.slice(at, at + ROWS_PER_COMMIT)) {
        add(draft, device, registeredMs);
        if (generation > 1) draft.write(revoked, device, generation - 1);
      }
    });
  }
}

function add(draft: Draft, device: string, registeredMs: number): void {
  draft.write(devices, device, { kind: "add", value: true });
  say(draft, device, "registeredMs", registeredMs);
}

/** Writes a field, or erases it where something is said; undefined leaves it as it is. */
function say(draft: Draft, device: string, field: DeviceField, value: Scalar | undefined): void {
  const key = attributeKey(device, field);
  const held = draft.read(attributes, key);
  if (value === undefined || (held?.value ?? null) === value) return;
  draft.write(attributes, key, value === null ? erase(draft.stamp) : write(value, draft.stamp));
}
