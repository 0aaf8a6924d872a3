// Was a target written while it was being fetched? Then what came may be from before the write, and
// is not stored (RFC 9111 §4.4 ends only what is stored already).

/** How many writes are remembered, and for how long: longer than any fetch takes. */
export interface WrittenBounds {
  readonly keysMax: number;
  readonly keptMs: number;
}

/** When keys were last written, as far as anything fetched could be from before it. */
export class WrittenKeys {
  readonly #bounds: WrittenBounds;
  /** The write that was longest ago is first. */
  readonly #writtenMs = new Map<string, number>();
  /** Whatever was asked for until then may be from before a write that is forgotten. */
  #forgottenMs = -Infinity;

  constructor(bounds: WrittenBounds) {
    this.#bounds = bounds;
  }

  /** Notes that a write of a key has been answered. */
  note(key: string, nowMs: number): void {
    this.#writtenMs.delete(key);
    this.#writtenMs.set(key, nowMs);
    for (const [oldest, writtenMs] of this.#writtenMs) {
      const isOld = nowMs - writtenMs > this.#bounds.keptMs;
      if (!isOld && this.#writtenMs.size <= this.#bounds.keysMax) return;
      this.#writtenMs.delete(oldest);
      if (!isOld) this.#forgottenMs = Math.max(this.#forgottenMs, writtenMs);
    }
  }

  /** Tells whether what was asked for at `requestMs` may be from before a write. */
  isSince(key: string, requestMs: number): boolean {
    return requestMs <= Math.max(this.#forgottenMs, this.#writtenMs.get(key) ?? -Infinity);
  }
}
