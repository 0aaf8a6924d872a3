// What has a hub room for, and how full is it? What its journal holds beyond the link's cursor,
// against the deployment's quota.

import { DrainRate } from "./buffer/drain-rate.ts";
import {
  admissionOf,
  fillOf,
  type Admission,
  type BufferPolicy,
  type BufferQuota,
  type BufferUse,
} from "./buffer/quota.ts";
import { limits } from "./limits.ts";
import type { GapReadings, HubAccount, HubStore } from "./ports.ts";

/** What waits for the origin, against its quota. */
export interface BufferReport extends BufferUse {
  readonly bytesMax: number;
  readonly fill: number;
  readonly policy: BufferPolicy;
  /** What became of readings, ever: accepted = present + thinned + gapped. */
  readonly accounts: HubAccount & GapReadings;
  /** How fast the origin takes it, of late. */
  readonly drainBytesPerS: number;
  /** Minutes of thinned readings that wait for the origin. */
  readonly rollups: ClassReport;
  /** What is told of what was given up. */
  readonly events: Omit<ClassReport, "oldestMs"> & { readonly untold: number };
}

/** How full a class is. */
export interface ClassReport extends BufferUse {
  readonly bytesMax: number;
  readonly fill: number;
}

/** The buffer of one hub. Times are the origin's, as far as they are known. */
export class HubBuffer {
  readonly #store: HubStore;
  readonly #quota: BufferQuota;
  readonly #drain = new DrainRate();

  constructor(store: HubStore, quota: BufferQuota) {
    this.#store = store;
    this.#quota = quota;
  }

  /** Notes that the origin has come to hold so many bytes more. */
  acked(bytes: number, nowMs: number): void {
    this.#drain.add(bytes, nowMs);
  }

  /**
   * Asks whether there is room.
   *
   * @param chance Uniform in [0, 1).
   */
  admission(nowMs: number, chance: number): Admission {
    return admissionOf(this.#use(), this.#quota, nowMs, this.#drain.perS(nowMs), chance);
  }

  /** Gives up some if there is too much or it is too old, where the policy says so. */
  shed(nowMs: number): void {
    const { policy, bytesMax, ageMsMax, rollups } = this.#quota;
    if (policy === "reject" || fillOf(this.#use(), this.#quota, nowMs) < limits.bufferSlowShare)
      return;
    // What is full takes no more: then readings wait as they are, and new ones are refused.
    if (policy === "thin" && fillOf(this.#minutes(), rollups, nowMs) >= 1) return;
    this.#store.shed({
      policy,
      bytesMax: bytesMax * limits.bufferSlowShare,
      keptBytesMax: bytesMax * limits.bufferKeptShare,
      thinnedBytesMax: rollups.bytesMax,
      beforeMs: ageMsMax === null ? 0 : nowMs - ageMsMax * limits.bufferSlowShare,
      bytesAtOnce: limits.shedBytesAtOnce,
    });
  }

  report(nowMs: number): BufferReport {
    const { bytesMax, policy, rollups, events } = this.#quota;
    const gapBytes = this.#store.gaps.bytes();
    const use = this.#use();
    const minutes = this.#minutes();
    return {
      ...use,
      bytesMax,
      fill: fillOf(use, this.#quota, nowMs),
      policy,
      accounts: { ...this.#store.account(), ...this.#store.gaps.readings() },
      drainBytesPerS: this.#drain.perS(nowMs),
      rollups: { ...minutes, bytesMax: rollups.bytesMax, fill: fillOf(minutes, rollups, nowMs) },
      events: {
        bytes: gapBytes,
        bytesMax: events.bytesMax,
        fill: gapBytes / events.bytesMax,
        untold: this.#store.gaps.untold(),
      },
    };
  }

  #minutes(): BufferUse {
    const { bytes, oldestMs } = this.#store.thinned;
    return { bytes, oldestMs };
  }

  #use(): BufferUse {
    return { bytes: this.#store.unackedBytes(), oldestMs: this.#store.oldestUnackedMs() };
  }
}
