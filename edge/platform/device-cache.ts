// Which devices does a hub know by heart? Those of late, with what is not on disk yet; what is over
// the bound is written, many at once, and forgotten.

import type { DeviceId } from "../../sync/brand.ts";
import { limits } from "../limits.ts";
import { decodeDevice, encodeDevice } from "../telemetry/device-record.ts";
import type { DeviceState } from "../telemetry/device-state.ts";
import type { Edit, SqlPages } from "./sql-pages.ts";

/** A device, and the journal entry that it was last folded from. */
interface Known {
  readonly state: DeviceState;
  readonly seq: number;
  readonly bytes: number;
  readonly isDirty: boolean;
}

/** The states of a hub's devices, over their pages. */
export class DeviceCache {
  readonly #pages: SqlPages;
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #known = new Map<DeviceId, Known>();
  #bytes = 0;
  #count: number;

  constructor(pages: SqlPages, bytesMax: number = limits.devicesInMemoryBytesMax) {
    this.#pages = pages;
    this.#bytesMax = bytesMax;
    this.#count = pages.count();
  }

  get count(): number {
    return this.#count;
  }

  ids(): DeviceId[] {
    const stored = Array.from(this.#pages.range("", LAST), ([key]) => key as DeviceId);
    return [...new Set([...stored, ...this.#known.keys()])];
  }

  get(device: DeviceId): { readonly state: DeviceState; readonly seq: number } | null {
    const known = this.#known.get(device);
    if (known !== undefined) return known;
    const bytes = this.#pages.get(device);
    const stored = bytes === null ? null : decodeDevice(bytes);
    if (stored === null) return null;
    this.#set(device, { ...stored, bytes: bytes?.length ?? 0, isDirty: false });
    return stored;
  }

  /** Takes a state that the journal's entry `seq` led to. */
  set(device: DeviceId, state: DeviceState, seq: number): void {
    if (!this.#known.has(device) && this.get(device) === null) this.#count += 1;
    this.#set(device, { state, seq, bytes: estimate(state), isDirty: true });
  }

  /** The devices of which there is something to write, by name. */
  dirty(): DeviceId[] {
    const dirty = [...this.#known].filter(([, known]) => known.isDirty);
    return dirty.map(([device]) => device).toSorted();
  }

  /** Writes devices; `seq` is the newest entry, all of which is folded and nothing beyond. */
  write(devices: readonly DeviceId[], seq: number): void {
    this.#write(
      devices.flatMap((device) => {
        const known = this.#known.get(device);
        return known?.isDirty === true ? [[device, known] as const] : [];
      }),
      seq,
    );
  }

  /** Forgets the least recently used if there are too many; writes them first. */
  trim(seq: number): void {
    if (this.#bytes <= this.#bytesMax) return;
    const oldest: [DeviceId, Known][] = [];
    let excess = this.#bytes - this.#bytesMax / 2;
    for (const entry of this.#known) {
      if (excess <= 0) break;
      oldest.push(entry);
      excess -= entry[1].bytes;
    }
    this.#write(
      oldest.filter(([, known]) => known.isDirty),
      seq,
    );
    for (const [device, { bytes }] of oldest) {
      this.#known.delete(device);
      this.#bytes -= bytes;
    }
  }

  #write(entries: readonly (readonly [DeviceId, Known])[], seq: number): void {
    const edits = entries
      .map(([device, { state }]): Edit => [device, encodeDevice({ seq, state })])
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    this.#pages.put(edits, seq);
    for (const [device, known] of entries)
      this.#known.set(device, { ...known, seq, isDirty: false });
  }

  #set(device: DeviceId, known: Known): void {
    this.#bytes += known.bytes - (this.#known.get(device)?.bytes ?? 0);
    this.#known.delete(device);
    this.#known.set(device, known);
  }
}

/** Above every name. */
const LAST = "~";

/** Bytes of memory, about. */
function estimate({ memory, streams }: DeviceState): number {
  const recent = memory.boots.reduce((sum, boot) => sum + boot.recent.length, memory.keys.length);
  return 512 + 96 * recent + 320 * Object.keys(streams).length;
}
