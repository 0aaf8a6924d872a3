// When does an object's link speak? When its alarm rings: soon after a commit, after a while at rest,
// and after a back-off while the origin is away, which no commit shortens.

import { log } from "../../doors/access-log.ts";
import { openEdgeLink, type EdgeLink } from "../../sync/link/edge.ts";
import type { EdgeEncoding, Speech } from "../../sync/wire/encoding.ts";
import { limits } from "../limits.ts";
import type { OriginLink } from "../ports.ts";
import { replicate, type LinkedReplica } from "../replicate.ts";

/** The alarm of an object that has one link. */
export class LinkAlarm {
  readonly #storage: DurableObjectStorage;
  readonly #origin: OriginLink;
  /** Null until a run opens it, also again after one that failed. */
  #link: EdgeLink | null = null;
  #encoding: EdgeEncoding | undefined;
  readonly #newEncoding: () => EdgeEncoding | undefined;
  #hasGivenUp = false;
  #isOriginAway = false;
  #heardMs = 0;
  /** When the alarm rings, epoch milliseconds; null: none is set, or not known yet. */
  #alarmMs: number | null = null;

  /** @param newEncoding What its frames are said in beside plainly; a link that is opened has its own. */
  constructor(
    storage: DurableObjectStorage,
    origin: OriginLink,
    newEncoding: () => EdgeEncoding | undefined = () => undefined,
  ) {
    this.#storage = storage;
    this.#origin = origin;
    this.#newEncoding = newEncoding;
  }

  get isOriginAway(): boolean {
    return this.#isOriginAway;
  }

  /** When the origin last answered, epoch milliseconds; 0: not since the object's start. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** How the next frame will be said. */
  get speech(): Speech {
    return this.#encoding?.speech() ?? "plain";
  }

  /** Finds the alarm that is set; before anything else, as the object starts. */
  async open(): Promise<void> {
    this.#alarmMs = await this.#storage.getAlarm();
  }

  /** Sets the alarm, unless it rings earlier anyhow. */
  ring(atMs: number): void {
    if (this.#alarmMs !== null && this.#alarmMs <= atMs) return;
    this.#alarmMs = atMs;
    void this.#storage.setAlarm(atMs);
  }

  /** Has something to send. */
  wake(atMs: number): void {
    if (!this.#isOriginAway || this.#alarmMs === null) this.ring(atMs);
  }

  /**
   * Drives the link as the alarm has rung. Never throws: an alarm that does is retried only a few
   * times.
   *
   * @param restMs How long the link rests once both ends hold everything.
   * @returns False if it failed: what the replica has in memory may be ahead of what is on disk.
   */
  async run(replica: LinkedReplica, isHeartbeat: boolean, restMs: () => number): Promise<boolean> {
    this.#alarmMs = null;
    const name = replica.record.replica;
    if (!this.#link) this.#encoding = this.#newEncoding();
    try {
      const ports = {
        origin: this.#origin,
        encoding: this.#encoding,
        now: () => Date.now(),
        chance: () => Math.random(),
        log: (event: string, fields: Record<string, string | number>) =>
          log(event, { replica: name, ...fields }),
      };
      const link = this.#link ?? openEdgeLink(replica.record);
      const run = await replicate(link, replica, ports, isHeartbeat);
      this.#noteSpeech(name);
      this.#link = run.link;
      this.#isOriginAway = run.isOriginAway;
      if (!run.isOriginAway) this.#heardMs = Date.now();
      // A commit during the exchange has set an alarm of its own; a back-off overrules it.
      if (run.isOriginAway) this.#alarmMs = null;
      this.ring(Date.now() + (run.againInMs ?? restMs()));
      return true;
    } catch (error) {
      log("replicate-failed", { replica: name, error: String(error) });
      this.#link = null;
      this.ring(Date.now() + limits.syncRetryMsMax);
      return false;
    }
  }

  /** Says once that what is coded is not understood: the link works, and takes more bytes. */
  #noteSpeech(replica: string): void {
    const hasGivenUp = this.speech === "given-up";
    if (hasGivenUp && !this.#hasGivenUp) log("coding-given-up", { replica });
    this.#hasGivenUp = hasGivenUp;
  }
}

/** Spreads a wait by a quarter either way: links that began together do not stay together. */
export function spread(waitMs: number): number {
  return waitMs * (0.75 + Math.random() / 2);
}
