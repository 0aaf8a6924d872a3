// The memory tier of the cache: a ContentStore in an isolate's heap, bounded in bytes and entries. What
// it gives up for room is decided in edge/cache/eviction.

import { fnv1a32 } from "../../sync/hash.ts";
import { NO_FIELDS, type FieldLines } from "../../http/fields.ts";
import { BoundedEntries } from "../cache/eviction/bounded-entries.ts";
import { openEviction, type EvictionName } from "../cache/eviction/policies.ts";
import { Slot } from "../cache/eviction/slot.ts";
import {
  tagOf,
  usableUntilMs,
  weightOf,
  type StoredMeta,
  type StoredResponse,
} from "../cache/stored-response.ts";
import { isSelected, variantId } from "../cache/variant.ts";
import type { ContentStore } from "../content-ports.ts";
import { limits } from "../limits.ts";

interface Held<Body> {
  readonly key: string;
  readonly variant: string;
  readonly stored: StoredResponse<Body>;
}

/** The variants of a key, newest first. */
type Variants<Body> = readonly Slot<Held<Body>>[];

/** What a store may hold, and what it gives up. */
export interface MemoryBounds {
  readonly bytesMax: number;
  readonly entriesMax: number;
  /** Variants of one key. */
  readonly variantsMax: number;
  /** How long after its freshness a stored response is of use, in milliseconds. */
  readonly staleMsMax: number;
  readonly eviction: EvictionName;
}

/** Stored responses in memory. */
export class MemoryStore<Body> implements ContentStore<Body> {
  readonly #bounds: MemoryBounds;
  readonly #entries: BoundedEntries<Held<Body>>;
  readonly #variants = new Map<string, Variants<Body>>();
  /** Where the search for what was purged has come. */
  #swept: Iterator<Variants<Body>> | null = null;

  constructor(bounds: MemoryBounds) {
    this.#bounds = bounds;
    const policy = openEviction<Held<Body>>(bounds.eviction, {
      bytesMax: bounds.bytesMax,
      probationShare: limits.probationShare,
      ghostsPerEntry: limits.ghostsPerEntry,
      ghostsMax: bounds.entriesMax * limits.ghostsPerEntry,
      usesMax: limits.countedUsesMax,
    });
    this.#entries = new BoundedEntries(bounds, policy, (entry) => this.#forget(entry));
  }

  get(key: string, nowMs: number, selecting: FieldLines = NO_FIELDS): StoredResponse<Body> | null {
    let part: Slot<Held<Body>> | null = null;
    for (const slot of this.#variants.get(key) ?? []) {
      const { meta } = slot.entry.stored;
      if (!isSelected(meta.variant, selecting)) continue;
      if (meta.part === null) return this.#use(slot, nowMs);
      part ??= slot;
    }
    return part === null ? null : this.#use(part, nowMs);
  }

  getTagged(key: string, tag: string, nowMs: number): StoredResponse<Body> | null {
    const variants = this.#variants.get(key) ?? [];
    const slot = variants.find(({ entry }) => tagOf(entry.stored.meta) === tag);
    return slot === undefined ? null : this.#use(slot, nowMs);
  }

  tags(key: string, nowMs: number): readonly string[] {
    return (this.#variants.get(key) ?? []).flatMap(({ entry, endsMs }) =>
      endsMs < nowMs ? [] : (tagOf(entry.stored.meta) ?? []),
    );
  }

  put(
    key: string,
    stored: StoredResponse<Body>,
    nowMs: number,
    isPurged?: (key: string, meta: StoredMeta) => boolean,
  ): boolean {
    // What nobody holds whole is not held here.
    if (stored.meta.bodyBytes > limits.storedBodyBytesMax) return false;
    const weight = weightOf(key, stored.meta);
    if (weight > this.#bounds.bytesMax) return false;
    const { responseMs } = stored.meta;
    const variant = variantId(stored.meta.variant);
    const before = this.#variants.get(key) ?? [];
    const same = before.find(({ entry }) => entry.variant === variant) ?? null;
    if (same !== null && same.entry.stored.meta.responseMs > responseMs) return false;
    const others = before.filter((slot) => slot !== same);
    const surplus = others.slice(this.#bounds.variantsMax - 1);
    if (surplus.some(({ entry }) => entry.stored.meta.responseMs > responseMs)) return false;
    for (const slot of surplus) this.#drop(slot);
    const endsMs = usableUntilMs(stored.meta, this.#bounds.staleMsMax);
    const slot = new Slot({ key, variant, stored }, weight, endsMs, fnv1a32(variant, fnv1a32(key)));
    const kept = [slot, ...others.slice(0, this.#bounds.variantsMax - 1)];
    this.#variants.set(
      key,
      kept.toSorted((a, b) => responseMsOf(b) - responseMsOf(a)),
    );
    const sweep = isPurged === undefined ? undefined : () => this.#sweep(isPurged);
    return this.#entries.add(slot, nowMs, same, sweep);
  }

  delete(key: string): void {
    for (const slot of this.#variants.get(key) ?? []) this.#drop(slot);
  }

  bytes(): number {
    return this.#entries.bytes;
  }

  #use(slot: Slot<Held<Body>>, nowMs: number): StoredResponse<Body> | null {
    if (slot.endsMs < nowMs) {
      this.#drop(slot);
      return null;
    }
    this.#entries.use(slot);
    return slot.entry.stored;
  }

  #drop(slot: Slot<Held<Body>>): void {
    this.#entries.remove(slot);
    this.#forget(slot.entry);
  }

  #forget({ key, stored }: Held<Body>): void {
    const left = (this.#variants.get(key) ?? []).filter(({ entry }) => entry.stored !== stored);
    if (left.length === 0) this.#variants.delete(key);
    else this.#variants.set(key, left);
  }

  /** Looks on for what was purged; after many purges it finds much, and after few there is little. */
  #sweep(isPurged: (key: string, meta: StoredMeta) => boolean): void {
    this.#swept ??= this.#variants.values();
    for (let looked = 0; looked < limits.sweptKeysPerPut && this.#entries.isOver; looked += 1) {
      const next = this.#swept.next();
      if (next.done === true) {
        this.#swept = null;
        return;
      }
      for (const slot of next.value) {
        if (isPurged(slot.entry.key, slot.entry.stored.meta)) this.#drop(slot);
      }
    }
  }
}

function responseMsOf<Body>({ entry }: Slot<Held<Body>>): number {
  return entry.stored.meta.responseMs;
}
