// The memory tier of the cache: a ContentStore in an isolate's heap, bounded in bytes and entries.
// A Map keeps insertion order, so the least recently used stored response is always its first.

import { NO_FIELDS, type FieldLines } from "../../http/fields.ts";
import {
  tagOf,
  usableUntilMs,
  weightOf,
  type StoredMeta,
  type StoredResponse,
} from "../cache/stored-response.ts";
import { isSelected, variantId } from "../cache/variant.ts";
import type { ContentStore } from "../content-ports.ts";

interface Held<Body> {
  readonly key: string;
  readonly stored: StoredResponse<Body>;
  readonly weight: number;
}

/** What a store may hold. */
export interface MemoryBounds {
  readonly bytesMax: number;
  readonly entriesMax: number;
  /** Variants of one key. */
  readonly variantsMax: number;
  /** How long after its freshness a stored response is of use, in milliseconds. */
  readonly staleMsMax: number;
}

/** Stored responses in memory, least recently used dropped first. */
export class MemoryStore<Body> implements ContentStore<Body> {
  readonly #bounds: MemoryBounds;
  /** By key and variant; what was used last is last. */
  readonly #held = new Map<string, Held<Body>>();
  /** The variants of each key, newest first. */
  readonly #variants = new Map<string, readonly StoredResponse<Body>[]>();
  #bytes = 0;

  constructor(bounds: MemoryBounds) {
    this.#bounds = bounds;
  }

  get(key: string, nowMs: number, selecting: FieldLines = NO_FIELDS): StoredResponse<Body> | null {
    const selected = (this.#variants.get(key) ?? []).filter(({ meta }) =>
      isSelected(meta.variant, selecting),
    );
    return this.#use(key, selected.find(({ meta }) => meta.part === null) ?? selected[0], nowMs);
  }

  getTagged(key: string, tag: string, nowMs: number): StoredResponse<Body> | null {
    const variants = this.#variants.get(key) ?? [];
    return this.#use(
      key,
      variants.find(({ meta }) => tagOf(meta) === tag),
      nowMs,
    );
  }

  tags(key: string, nowMs: number): readonly string[] {
    return (this.#variants.get(key) ?? []).flatMap(({ meta }) =>
      usableUntilMs(meta, this.#bounds.staleMsMax) < nowMs ? [] : (tagOf(meta) ?? []),
    );
  }

  put(key: string, stored: StoredResponse<Body>, _nowMs: number): boolean {
    const weight = weightOf(key, stored.meta);
    if (weight > this.#bounds.bytesMax) return false;
    const id = heldId(key, stored.meta);
    const before = this.#held.get(id);
    if (before !== undefined && before.stored.meta.responseMs > stored.meta.responseMs)
      return false;
    this.#drop(id);
    this.#held.set(id, { key, stored, weight });
    this.#bytes += weight;
    const variants = [...(this.#variants.get(key) ?? []), stored].toSorted(
      (a, b) => b.meta.responseMs - a.meta.responseMs,
    );
    this.#variants.set(key, variants);
    const surplus = variants.slice(this.#bounds.variantsMax);
    for (const { meta } of surplus) this.#drop(heldId(key, meta));
    this.#makeRoom();
    return !surplus.includes(stored);
  }

  delete(key: string): void {
    for (const { meta } of this.#variants.get(key) ?? []) this.#drop(heldId(key, meta));
  }

  bytes(): number {
    return this.#bytes;
  }

  #use(
    key: string,
    stored: StoredResponse<Body> | undefined,
    nowMs: number,
  ): StoredResponse<Body> | null {
    if (stored === undefined) return null;
    const id = heldId(key, stored.meta);
    const held = this.#held.get(id);
    if (held === undefined || usableUntilMs(stored.meta, this.#bounds.staleMsMax) < nowMs) {
      this.#drop(id);
      return null;
    }
    this.#held.delete(id);
    this.#held.set(id, held);
    return stored;
  }

  #drop(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#bytes -= held.weight;
    const left = (this.#variants.get(held.key) ?? []).filter((stored) => stored !== held.stored);
    if (left.length === 0) this.#variants.delete(held.key);
    else this.#variants.set(held.key, left);
  }

  #makeRoom(): void {
    for (const id of this.#held.keys()) {
      const isOver =
        this.#bytes > this.#bounds.bytesMax || this.#held.size > this.#bounds.entriesMax;
      if (!isOver) return;
      this.#drop(id);
    }
  }
}

/** A key holds no space, so two pairs of key and variant never meet. */
function heldId(key: string, { variant }: StoredMeta): string {
  return variant.length === 0 ? key : `${key} ${variantId(variant)}`;
}
