// Has this batch been counted before? It matters for readings without a time of their own: two
// regions that took in the same batch gave it different times, so their identity cannot tell.
// Numbers are kept as ranges, which stay short because devices number without gaps.

import { add, has, type SeqRanges } from "../../sync/crdt/seq-ranges.ts";
import type { BatchIdentity } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";

/** What the origin remembers of one boot of a device. */
export interface BootMemory {
  readonly boot: string;
  readonly seqs: SeqRanges;
  /** True if the lowest ranges were forgotten. */
  readonly isCut: boolean;
  /** Latest commit stamp of its batches, epoch milliseconds. */
  readonly lastMs: number;
}

/** What the origin remembers of a device's batches, of all regions. */
export interface BatchMemory {
  /** Least recently used first. */
  readonly boots: readonly BootMemory[];
  /** Idempotency-Keys with their commit stamps, oldest first. */
  readonly keys: readonly (readonly [key: string, stampMs: number])[];
  /** Latest commit stamp of a boot that was forgotten, and of a key; 0 if none was. */
  readonly bootsForgottenMs: number;
  readonly keysForgottenMs: number;
}

export const NO_MEMORY: BatchMemory = {
  boots: [],
  keys: [],
  bootsForgottenMs: 0,
  keysForgottenMs: 0,
};

/** `unknown`: it may be one that was forgotten, or be new; nobody can tell. */
export type Recollection = "new" | "repeated" | "unknown";

/**
 * Asks the memory about a batch.
 *
 * @param stampMs When the hub that sends it committed it. What is unknown and was committed
 *   `batchRetryMsMax` after everything that was forgotten is new; else one forgotten batch would
 *   keep all later ones out of the totals.
 */
export function recall(
  memory: BatchMemory,
  identity: BatchIdentity,
  stampMs: number,
): Recollection {
  if (identity.kind === "none") return "new";
  if (identity.kind === "key") {
    const isHeld = memory.keys.some(([key]) => key === identity.key);
    return isHeld ? "repeated" : judge(memory.keysForgottenMs, stampMs);
  }
  const boot = memory.boots.find((candidate) => candidate.boot === identity.boot);
  if (boot === undefined) return judge(memory.bootsForgottenMs, stampMs);
  if (has(boot.seqs, identity.seq)) return "repeated";
  const lowest = boot.seqs[0]?.[0] ?? 0;
  return boot.isCut && identity.seq < lowest ? "unknown" : "new";
}

/** Adds a batch that is being counted, committed at `stampMs`. */
export function remember(
  memory: BatchMemory,
  identity: BatchIdentity,
  stampMs: number,
): BatchMemory {
  if (identity.kind === "none") return memory;
  if (identity.kind === "key") {
    if (memory.keys.some(([key]) => key === identity.key)) return memory;
    const all = [...memory.keys, [identity.key, stampMs] as const];
    const forgotten = all.slice(0, -limits.keysPerDeviceMax).map(([, keyMs]) => keyMs);
    const keysForgottenMs = Math.max(memory.keysForgottenMs, ...forgotten);
    return { ...memory, keys: all.slice(forgotten.length), keysForgottenMs };
  }
  const held = memory.boots.find((candidate) => candidate.boot === identity.boot);
  const others = memory.boots.filter((candidate) => candidate.boot !== identity.boot);
  const all = [...others, extend(held, identity.boot, identity.seq, stampMs)];
  const forgotten = all.slice(0, -limits.bootsPerDeviceMax).map(({ lastMs }) => lastMs);
  const bootsForgottenMs = Math.max(memory.bootsForgottenMs, ...forgotten);
  return { ...memory, boots: all.slice(forgotten.length), bootsForgottenMs };
}

function extend(
  held: BootMemory | undefined,
  boot: string,
  seq: number,
  stampMs: number,
): BootMemory {
  const seqs = add(held?.seqs ?? [], seq);
  return {
    boot,
    seqs: seqs.slice(-limits.seqRangesPerBootMax),
    isCut: (held?.isCut ?? false) || seqs.length > limits.seqRangesPerBootMax,
    lastMs: Math.max(held?.lastMs ?? 0, stampMs),
  };
}

function judge(forgottenMs: number, stampMs: number): Recollection {
  return forgottenMs > 0 && stampMs <= forgottenMs + limits.batchRetryMsMax ? "unknown" : "new";
}
