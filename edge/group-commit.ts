// When is what was staged on disk? While one commit is being flushed, what arrives is staged for the
// next: they share a row and a flush of the disk, and each answer waits for its own. Whoever shared
// the last one is about to send again, so the next begins once what is on its way has come.

import { limits } from "./limits.ts";
import type { HubStore } from "./ports.ts";
import { Sharers } from "./sharers.ts";

/** What commits need of their surroundings. */
export interface CommitPorts {
  readonly now: () => number;
  /** Resolves when what was written before is on disk. */
  readonly sync: () => Promise<void>;
  /** Resolves after so many milliseconds; with 0 once what has reached this process was let in. */
  readonly wait: (ms: number) => Promise<void>;
}

/** The commits of one hub, one at a time. */
export class GroupCommit {
  readonly #store: Pick<HubStore, "isStaged" | "write" | "reload" | "reloads">;
  readonly #ports: CommitPorts;
  #underWay: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  /** How many wait for what is staged, of those that came one by one. */
  #waiting = 0;
  readonly #sharers = new Sharers();
  /** Says that as many wait as are expected: a timer would leave the processor idle. */
  #complete: () => void = () => undefined;

  constructor(
    store: Pick<HubStore, "isStaged" | "write" | "reload" | "reloads">,
    ports: CommitPorts,
  ) {
    this.#store = store;
    this.#ports = ports;
  }

  /**
   * Resolves when everything that is staged, or being written, is on disk. Rejects if the disk
   * fails: then everything staged since is forgotten too, and whoever waits for it is told so.
   *
   * @param isGathered It comes with others that were waited for already.
   */
  async settle(isGathered = false): Promise<void> {
    const { reloads } = this.#store;
    await this.#wait(isGathered ? 0 : 1);
    // Whatever failed meanwhile: what was staged went with it.
    if (this.#store.reloads !== reloads) throw new Error("What was staged is gone");
  }

  #wait(count: number): Promise<void> {
    if (this.#next === null && !this.#store.isStaged) return this.#underWay ?? Promise.resolve();
    this.#waiting += count;
    if (this.#waiting >= this.#sharers.expected) this.#complete();
    if (this.#next !== null) return this.#next;
    if (this.#underWay === null && this.#sharers.expected === 1) return this.#begin();
    this.#next = this.#gather(this.#underWay).then(() => this.#begin());
    return this.#next;
  }

  /** Waits for the commit before, which takes this one along if it fails, and for who is to share this. */
  async #gather(before: Promise<void> | null): Promise<void> {
    await before;
    const { expected } = this.#sharers;
    if (expected === 1) return;
    const fromMs = this.#ports.now();
    const complete = new Promise<void>((resolve) => (this.#complete = resolve));
    let hasGrown = true;
    while (hasGrown || this.#waiting < expected) {
      const waitedMs = this.#ports.now() - fromMs;
      // A clock that was set back does not say how long it was.
      if (waitedMs >= limits.commitGatherMs || waitedMs < 0) return;
      const had = this.#waiting;
      await (hasGrown ? this.#ports.wait(0) : Promise.race([this.#ports.wait(1), complete]));
      hasGrown = this.#waiting > had && had < limits.commitSharersMax;
    }
  }

  #begin(): Promise<void> {
    this.#next = null;
    this.#sharers.note(this.#waiting);
    this.#waiting = 0;
    const commit = this.#commit();
    this.#underWay = commit;
    return commit;
  }

  async #commit(): Promise<void> {
    try {
      this.#store.write();
      await this.#ports.sync();
    } catch (error) {
      // What the next was to write is gone.
      this.#next = null;
      this.#waiting = 0;
      this.#store.reload();
      throw error;
    } finally {
      this.#underWay = null;
    }
  }
}
