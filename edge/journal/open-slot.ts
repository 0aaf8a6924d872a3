// What is staged and not yet written? Batches that arrive while a commit is in flight share the next
// slot, and with it a stamp and a flush of the disk.

import { ENTRY_BATCHES_MAX } from "../../sync/limits.ts";
import { limits } from "../limits.ts";
import type { Committed } from "./committed.ts";
import {
  encodeNote,
  encodePart,
  joinParts,
  type EncodedParts,
  type PlacedBatch,
} from "./slot-note.ts";

/** The slot that is being filled. */
export class OpenSlot {
  readonly stampMs: number;
  readonly batches: Committed[] = [];
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(stampMs: number) {
    this.stampMs = stampMs;
  }

  /** True if another request's batches might not fit. */
  get isFull(): boolean {
    const most = Math.max(this.#parts.length + 1, this.batches.length);
    return most >= ENTRY_BATCHES_MAX || this.#bytes >= limits.slotBytesTarget;
  }

  /** @param encoded The batches whose encoded parts are at hand; the others are encoded here. */
  add(committed: Committed, encoded?: EncodedParts): void {
    this.batches.push(committed);
    for (const { batch } of committed.kept) {
      const part = encoded?.get(batch) ?? encodePart(batch);
      this.#parts.push(part);
      this.#bytes += part.length;
    }
  }

  /** The batches with their places in the body. */
  *placed(): Iterable<PlacedBatch> {
    const kept = this.batches.flatMap((committed) => committed.kept);
    // The body begins with the number of its batches.
    let start = kept.length < 0x80 ? 1 : 2;
    for (const [at, { batch }] of kept.entries()) {
      const end = start + (this.#parts[at]?.length ?? 0);
      yield { batch, start, end };
      start = end;
    }
  }

  /**
   * The slot's body, and what stands beside it.
   *
   * @param accepted Readings that the hub has accepted with it; null: it is not known.
   */
  encode(accepted: number | null): { readonly note: Uint8Array; readonly body: Uint8Array } {
    const lengths = this.#parts.map(({ length }) => length);
    const note = encodeNote(this.stampMs, this.batches, lengths, accepted);
    return { note, body: joinParts(this.#parts) };
  }
}
