// How many are about to share a commit? Whoever shared the last ones waits for an answer and then
// sends again; a commit that waits for them saves a flush of the disk, one that waits for all of them
// leaves nothing to do while they are answered.

import { limits } from "./limits.ts";

/** Remembers how many shared the last two commits. */
export class Sharers {
  #last = 0;
  #secondLast = 0;

  /** Says how many shared a commit. */
  note(count: number): void {
    this.#secondLast = this.#last;
    this.#last = count;
  }

  /** How many a commit is to wait for; with 1 it need not wait. */
  get expected(): number {
    return Math.min(Math.max(this.#last, this.#secondLast, 1), limits.commitSharersMax);
  }
}
