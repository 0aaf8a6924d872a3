// Has this batch been counted before? It matters for readings without a time of their own: two
// regions that took in the same batch gave it different times, so their identity cannot tell.
// Numbers are kept as ranges, which stay short because devices number without gaps.

import { add, has, type SeqRanges } from "../../sync/crdt/seq-ranges.ts";
import type { BatchIdentity } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";

/** What the origin remembers of a device's batches, of all regions. */
export interface BatchMemory {
  /** Least recently used first. */
  readonly boots: readonly {
    readonly boot: string;
    readonly seqs: SeqRanges;
    readonly isCut: boolean;
  }[];
  /** True if a boot or a key was forgotten: what is unknown may have been seen. */
  readonly isCut: boolean;
  /** Idempotency-Keys, oldest first. */
  readonly keys: readonly string[];
}

export const NO_MEMORY: BatchMemory = { boots: [], isCut: false, keys: [] };

/** `unknown`: it was forgotten, or never seen; nobody can tell. */
export type Recollection = "new" | "repeated" | "unknown";

/** Asks the memory about a batch. */
export function recall(memory: BatchMemory, identity: BatchIdentity): Recollection {
  if (identity.kind === "none") return "new";
  if (identity.kind === "key") {
    if (memory.keys.includes(identity.key)) return "repeated";
    return memory.isCut ? "unknown" : "new";
  }
  const boot = memory.boots.find((candidate) => candidate.boot === identity.boot);
  if (boot === undefined) return memory.isCut ? "unknown" : "new";
  if (has(boot.seqs, identity.seq)) return "repeated";
  const lowest = boot.seqs[0]?.[0] ?? 0;
  return boot.isCut && identity.seq < lowest ? "unknown" : "new";
}

/** Adds a batch that is being counted. */
export function remember(memory: BatchMemory, identity: BatchIdentity): BatchMemory {
  if (identity.kind === "none") return memory;
  if (identity.kind === "key") {
    if (memory.keys.includes(identity.key)) return memory;
    const keys = [...memory.keys, identity.key];
    const isCut = memory.isCut || keys.length > limits.keysPerDeviceMax;
    return { ...memory, isCut, keys: keys.slice(-limits.keysPerDeviceMax) };
  }
  const held = memory.boots.find((candidate) => candidate.boot === identity.boot);
  const others = memory.boots.filter((candidate) => candidate.boot !== identity.boot);
  const seqs = add(held?.seqs ?? [], identity.seq);
  const boot = {
    boot: identity.boot,
    seqs: seqs.slice(-limits.seqRangesPerBootMax),
    isCut: (held?.isCut ?? false) || seqs.length > limits.seqRangesPerBootMax,
  };
  const boots = [...others, boot];
  const isCut = memory.isCut || boots.length > limits.bootsPerDeviceMax;
  return { ...memory, isCut, boots: boots.slice(-limits.bootsPerDeviceMax) };
}
