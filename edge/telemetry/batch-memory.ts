// Has this hub seen a batch before? It remembers a device's boots, each with the highest contiguous
// number and the latest ones with their content hashes. What is outside of this memory is never
// assumed to be a repetition: the reading check decides (P2).

import type { BatchIdentity } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";

/** What a hub remembers of one boot of a device. */
export interface BootMemory {
  readonly boot: string;
  /** Every batch from 1 to here is held by this region; 0 if 1 is not. */
  readonly contiguous: number;
  readonly highest: number;
  /** The latest batches, [seq, content hash], ascending; all above `highest - batchWindow`. */
  readonly recent: readonly (readonly [number, string])[];
}

/** What a hub remembers of a device's batches. */
export interface BatchMemory {
  /** Least recently used first. */
  readonly boots: readonly BootMemory[];
  /** Idempotency-Keys with their content hashes, oldest first. */
  readonly keys: readonly (readonly [string, string])[];
}

/** What the memory says of a batch. */
export type Recollection =
  | { readonly kind: "new" }
  | { readonly kind: "repeated" }
  /** The same identity with another content: the device numbers its batches wrongly. */
  | { readonly kind: "reused" }
  /** It may or may not have been seen. */
  | { readonly kind: "outside-window" };

export const NO_MEMORY: BatchMemory = { boots: [], keys: [] };

/** Asks the memory about a batch. */
export function recall(
  memory: BatchMemory,
  identity: BatchIdentity,
  contentHash: string,
): Recollection {
  if (identity.kind === "none") return { kind: "new" };
  if (identity.kind === "key") {
    const held = memory.keys.find(([key]) => key === identity.key);
    return held === undefined ? { kind: "new" } : compare(held[1], contentHash);
  }
  const boot = memory.boots.find((candidate) => candidate.boot === identity.boot);
  if (boot === undefined || identity.seq > boot.highest) return { kind: "new" };
  const held = boot.recent.find(([seq]) => seq === identity.seq);
  if (held !== undefined) return compare(held[1], contentHash);
  // Below the window the hash is forgotten, also of what is contiguous: a device that numbers from
  // 1 again under an old boot would else be told that its new readings are held.
  return identity.seq > boot.highest - limits.batchWindow
    ? { kind: "new" }
    : { kind: "outside-window" };
}

/** Adds a batch that is being committed. */
export function remember(
  memory: BatchMemory,
  identity: BatchIdentity,
  contentHash: string,
): BatchMemory {
  if (identity.kind === "none") return memory;
  if (identity.kind === "key") {
    const keys = [...memory.keys, [identity.key, contentHash] as const].slice(
      -limits.keysPerDeviceMax,
    );
    return { ...memory, keys };
  }
  const fresh = { boot: identity.boot, contiguous: 0, highest: 0, recent: [] };
  const held = memory.boots.find((candidate) => candidate.boot === identity.boot) ?? fresh;
  const others = memory.boots.filter((candidate) => candidate.boot !== identity.boot);
  const boots = [...others, extend(held, identity.seq, contentHash)].slice(
    -limits.bootsPerDeviceMax,
  );
  return { ...memory, boots };
}

/** The highest contiguous number that this region holds of a boot; null without a boot. */
export function ackSeqOf(memory: BatchMemory, identity: BatchIdentity): number | null {
  if (identity.kind !== "boot") return null;
  return memory.boots.find((candidate) => candidate.boot === identity.boot)?.contiguous ?? 0;
}

function extend(boot: BootMemory, seq: number, contentHash: string): BootMemory {
  if (seq > boot.highest) return append(boot, seq, contentHash);
  const { highest } = boot;
  const all = [...boot.recent.filter(([held]) => held !== seq), [seq, contentHash] as const];
  const recent = all
    .toSorted((a, b) => a[0] - b[0])
    .filter(([held]) => held > highest - limits.batchWindow);
  let contiguous = boot.contiguous + (seq === boot.contiguous + 1 ? 1 : 0);
  for (const [held] of recent) if (held === contiguous + 1) contiguous = held;
  return { boot: boot.boot, contiguous, highest, recent };
}

/** Adds the newest batch, as nearly all are when they come. */
function append(boot: BootMemory, seq: number, contentHash: string): BootMemory {
  const first = boot.recent.findIndex(([held]) => held > seq - limits.batchWindow);
  const recent = first < 0 ? [] : boot.recent.slice(first);
  recent.push([seq, contentHash]);
  const contiguous = boot.contiguous + (seq === boot.contiguous + 1 ? 1 : 0);
  return { boot: boot.boot, contiguous, highest: seq, recent };
}

function compare(held: string, given: string): Recollection {
  return { kind: held === given ? "repeated" : "reused" };
}
