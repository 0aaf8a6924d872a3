// When is what was staged on disk? While one commit is being flushed, what arrives is staged for the
// next: they share a row and a flush of the disk, and each answer waits for its own.

import type { HubStore } from "./ports.ts";

/** The commits of one hub, one at a time. */
export class GroupCommit {
  readonly #store: Pick<HubStore, "isStaged" | "write" | "reload" | "reloads">;
  readonly #sync: () => Promise<void>;
  #underWay: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** @param sync Resolves when what was written before is on disk. */
  constructor(
    store: Pick<HubStore, "isStaged" | "write" | "reload" | "reloads">,
    sync: () => Promise<void>,
  ) {
    this.#store = store;
    this.#sync = sync;
  }

  /**
   * Resolves when everything that is staged, or being written, is on disk. Rejects if the disk
   * fails: then everything staged since is forgotten too, and whoever waits for it is told so.
   */
  async settle(): Promise<void> {
    const { reloads } = this.#store;
    await this.#wait();
    // Whatever failed meanwhile: what was staged went with it.
    if (this.#store.reloads !== reloads) throw new Error("What was staged is gone");
  }

  #wait(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (!this.#store.isStaged) return this.#underWay ?? Promise.resolve();
    if (this.#underWay === null) return this.#begin();
    // A commit that fails takes the one after it along: what that was to write is gone.
    this.#next = this.#underWay.then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = null;
    const commit = this.#commit();
    this.#underWay = commit;
    return commit;
  }

  async #commit(): Promise<void> {
    try {
      this.#store.write();
      await this.#sync();
    } catch (error) {
      this.#next = null;
      this.#store.reload();
      throw error;
    } finally {
      this.#underWay = null;
    }
  }
}
