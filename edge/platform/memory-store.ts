// The memory tier of the cache: a ContentStore in an isolate's heap, bounded in bytes and entries.
// A Map keeps insertion order, so the least recently used stored response is always its first.

import { usableUntilMs, weightOf, type StoredResponse } from "../cache/stored-response.ts";
import type { ContentStore } from "../content-ports.ts";

interface Held<Body> {
  readonly stored: StoredResponse<Body>;
  readonly weight: number;
}

/** What a store may hold. */
export interface MemoryBounds {
  readonly bytesMax: number;
  readonly entriesMax: number;
  /** How long after its freshness a stored response is of use, in milliseconds. */
  readonly staleMsMax: number;
}

/** Stored responses in memory, least recently used dropped first. */
export class MemoryStore<Body> implements ContentStore<Body> {
  readonly #bounds: MemoryBounds;
  readonly #held = new Map<string, Held<Body>>();
  #bytes = 0;

  constructor(bounds: MemoryBounds) {
    this.#bounds = bounds;
  }

  get(key: string, nowMs: number): StoredResponse<Body> | null {
    const held = this.#held.get(key);
    if (held === undefined) return null;
    if (usableUntilMs(held.stored.meta, this.#bounds.staleMsMax) < nowMs) {
      this.delete(key);
      return null;
    }
    this.#held.delete(key);
    this.#held.set(key, held);
    return held.stored;
  }

  put(key: string, stored: StoredResponse<Body>, _nowMs: number): boolean {
    const weight = weightOf(key, stored.meta);
    const before = this.#held.get(key);
    if (weight > this.#bounds.bytesMax) return false;
    if (before !== undefined && before.stored.meta.responseMs > stored.meta.responseMs)
      return false;
    this.delete(key);
    this.#held.set(key, { stored, weight });
    this.#bytes += weight;
    this.#makeRoom();
    return true;
  }

  delete(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    this.#bytes -= held.weight;
  }

  bytes(): number {
    return this.#bytes;
  }

  #makeRoom(): void {
    for (const key of this.#held.keys()) {
      const isOver =
        this.#bytes > this.#bounds.bytesMax || this.#held.size > this.#bounds.entriesMax;
      if (!isOver) return;
      this.delete(key);
    }
  }
}
