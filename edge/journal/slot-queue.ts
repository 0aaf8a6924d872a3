// Which slot holds which entry? Known in memory, by seq, so that a commit reads nothing to find the
// slot that it may overwrite.

/** The slot of an entry that is in the archive. */
export const ARCHIVED = 0;

/** Which slot holds which entry: a queue of columns, so that a long journal stays small. */
export class SlotQueue {
  #slots: number[] = [];
  #bytes: number[] = [];
  #stamps: number[] = [];
  /** How many at the front are gone. */
  #gone = 0;
  first: number = 1;

  get length(): number {
    return this.#slots.length - this.#gone;
  }

  push(slot: number, bytes: number, stampMs: number): void {
    this.#slots.push(slot);
    this.#bytes.push(bytes);
    this.#stamps.push(stampMs);
  }

  shift(): void {
    this.#gone += 1;
    this.first += 1;
    if (this.#gone < 1_024 || this.#gone < this.length) return;
    for (const column of [this.#slots, this.#bytes, this.#stamps]) column.splice(0, this.#gone);
    this.#gone = 0;
  }

  set(seq: number, bytes: number, stampMs: number): void {
    const at = this.#at(seq);
    this.#bytes[at] = bytes;
    this.#stamps[at] = stampMs;
  }

  /** The entry is in a page now. */
  setArchived(seq: number, bytes: number): void {
    const at = this.#at(seq);
    this.#slots[at] = ARCHIVED;
    this.#bytes[at] = bytes;
  }

  slotOf(seq: number): number | undefined {
    return seq < this.first ? undefined : this.#slots[this.#at(seq)];
  }

  bytesOf(seq: number): number {
    return seq < this.first ? 0 : (this.#bytes[this.#at(seq)] ?? 0);
  }

  stampOf(seq: number): number {
    return seq < this.first ? 0 : (this.#stamps[this.#at(seq)] ?? 0);
  }

  #at(seq: number): number {
    return seq - this.first + this.#gone;
  }
}
