// Is there room for more readings? What the origin does not hold yet is the buffer; it has a quota, and
// marks on the way there: announced, some are asked to wait, all are. Time and chance are arguments.

import { limits } from "../limits.ts";

/** What becomes of readings once there is no room: the default sheds nothing that was accepted. */
export type BufferPolicy = "reject" | "thin" | "drop-oldest" | "drop-newest";

/** How much may wait for the origin, and what becomes of more. */
export interface BufferQuota {
  /** Bytes of journal. */
  readonly bytesMax: number;
  /** Age of the oldest entry, milliseconds; null: any. */
  readonly ageMsMax: number | null;
  readonly policy: BufferPolicy;
  /** The minutes of thinned readings, a class of their own. */
  readonly rollups: ClassQuota;
  /** What a hub tells of what it gave up: coarser past its bytes, never given up, at any age. */
  readonly events: { readonly bytesMax: number };
}

/** How much of one class may wait for the origin. */
export interface ClassQuota {
  readonly bytesMax: number;
  /** Age of the oldest, milliseconds; null: any. */
  readonly ageMsMax: number | null;
}

/** What waits. */
export interface BufferUse {
  readonly bytes: number;
  /** When the oldest of it was committed, epoch milliseconds; null if nothing waits. */
  readonly oldestMs: number | null;
}

/** The quota of a deployment that does not say otherwise. */
export const DEFAULT_QUOTA: BufferQuota = {
  bytesMax: limits.journalUnackedBytesMax,
  ageMsMax: null,
  policy: "reject",
  rollups: { bytesMax: limits.thinnedBytesMax, ageMsMax: null },
  events: { bytesMax: limits.gapBytesMax },
};

/** What a hub does with readings that it did not have yet. `fill` is a share of the quota. */
export type Admission =
  | { readonly kind: "admitted"; readonly fill: number }
  /** Some are asked to wait: answer 429. */
  | { readonly kind: "buffer-high"; readonly fill: number; readonly waitS: number }
  /** Nothing more is taken: answer 503. */
  | { readonly kind: "buffer-full"; readonly fill: number; readonly waitS: number };

/** The share of the quota that is used: by bytes or by age, whichever is more. */
export function fillOf({ bytes, oldestMs }: BufferUse, quota: ClassQuota, nowMs: number): number {
  const ageMs = oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs);
  const byAge = quota.ageMsMax === null ? 0 : ageMs / quota.ageMsMax;
  return Math.max(bytes / quota.bytesMax, byAge);
}

/**
 * Decides about readings that are not held.
 *
 * Between the marks the share that is refused grows from none to all (random early detection, Floyd
 * and Jacobson 1993), so that devices slow down one by one and not all at the same byte.
 *
 * @param drainBytesPerS How fast the origin takes what waits.
 * @param chance Uniform in [0, 1).
 */
export function admissionOf(
  use: BufferUse,
  quota: BufferQuota,
  nowMs: number,
  drainBytesPerS: number,
  chance: number,
): Admission {
  const fill = fillOf(use, quota, nowMs);
  if (fill < limits.bufferSlowShare) return { kind: "admitted", fill };
  const isFull = fill >= limits.bufferFullShare;
  if (!isFull && quota.policy !== "reject") return { kind: "admitted", fill };
  const refused =
    (fill - limits.bufferSlowShare) / (limits.bufferFullShare - limits.bufferSlowShare);
  if (!isFull && chance >= refused) return { kind: "admitted", fill };
  const needed = Math.max(1, use.bytes - limits.bufferSlowShare * quota.bytesMax);
  return {
    kind: isFull ? "buffer-full" : "buffer-high",
    fill,
    waitS: retryAfterS(needed, drainBytesPerS, chance / refused),
  };
}

/** How long until so many bytes are gone; spread, so that devices refused together come back apart. */
export function retryAfterS(bytes: number, bytesPerS: number, chance: number): number {
  const { bufferRetrySMax: most, bufferRetryJitter: jitter } = limits;
  const waitS = bytesPerS > 0 ? Math.min(most, bytes / bytesPerS) : most;
  const spread = waitS * (1 - jitter + 2 * jitter * Math.min(1, chance));
  return Math.min(most, Math.max(1, Math.ceil(spread)));
}
