// Does a process hold more and more memory? Its resident set, asked for once a second.

import { readFileSync } from "node:fs";

/** What a process held, MiB. Medians, because a collector lets it go up and down. */
export interface MemoryVerdict {
  readonly afterWarmUpMb: number;
  readonly atEndMb: number;
  readonly mostMb: number;
  /** How much more it is at the end, as a share. */
  readonly growth: number;
}

/** The resident set of a process, in MiB. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+([0-9]+) kB/.exec(status)?.[1] ?? "0") / 102.4) / 10;
}

/**
 * Compares what was held just after the warm-up with what is held at the end.
 *
 * @param samplesMb  One a second, from the end of the warm-up on.
 */
export function judgeMemory(samplesMb: readonly number[]): MemoryVerdict {
  const part = Math.max(1, Math.floor(samplesMb.length / 5));
  const afterWarmUpMb = medianOf(samplesMb.slice(0, part));
  const atEndMb = medianOf(samplesMb.slice(-part));
  const growth = Math.round((atEndMb / afterWarmUpMb - 1) * 1_000) / 1_000;
  return { afterWarmUpMb, atEndMb, mostMb: Math.max(...samplesMb), growth };
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
