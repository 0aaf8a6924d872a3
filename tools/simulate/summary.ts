// What did the run come to? Some lines for a person, and a last one as JSON for a program.

import { formatCount, formatMs } from "./progress.ts";
import type { RunResult } from "./run.ts";

/** Tells whether everything is as it has to be. */
export function hasHeld({ tally, verdict }: RunResult): boolean {
  return (
    tally.delivered > 0 &&
    tally.addsUp &&
    tally.rejected === 0 &&
    tally.undelivered === 0 &&
    verdict.differentDevices === 0 &&
    verdict.counted === tally.delivered
  );
}

/** Writes the end of a run. */
export function formatSummary(result: RunResult, devices: number): string {
  const { tally, verdict, sailedMs } = result;
  const held = hasHeld(result);
  const p50 = tally.latencies.percentile(0.5);
  const p99 = tally.latencies.percentile(0.99);
  const rate = (tally.delivered * 1_000) / sailedMs;
  const lines = [
    `${formatCount(tally.delivered)} readings of ${formatCount(devices)} devices delivered in ${(sailedMs / 1_000).toFixed(1)} s: ${formatCount(rate)} a second`,
    `In ${formatCount(tally.requests)} requests: ${formatCount(tally.accepted)} accepted, ${formatCount(tally.duplicates)} duplicates, ${formatCount(tally.conflicts)} conflicts, ${formatCount(tally.rejected)} rejected`,
    `Answers: p50 ${formatMs(p50)} ms, p99 ${formatMs(p99)} ms; ${formatCount(tally.refused)} refused with Retry-After, ${formatCount(tally.failed)} without an answer`,
    `The origin had everything ${(verdict.convergedMs / 1_000).toFixed(1)} s later, and counts ${formatCount(verdict.counted)}`,
    ...doubtsOf(result),
    held
      ? "✓ The origin counts every reading that was accepted exactly once"
      : "✗ The origin's totals are not what was accepted",
  ];
  const figures = {
    held,
    devices,
    seconds: Number((sailedMs / 1_000).toFixed(1)),
    requests: tally.requests,
    delivered: tally.delivered,
    counted: verdict.counted,
    accepted: tally.accepted,
    duplicates: tally.duplicates,
    conflicts: tally.conflicts,
    rejected: tally.rejected,
    late: tally.late,
    quarantined: tally.quarantined,
    undelivered: tally.undelivered,
    refused: tally.refused,
    failed: tally.failed,
    readingsPerS: Math.round(rate),
    p50Ms: Number(formatMs(p50)),
    p99Ms: Number(formatMs(p99)),
    backlog: verdict.backlog,
    differentDevices: verdict.differentDevices,
    different: verdict.different,
  };
  return `${lines.join("\n")}\n${JSON.stringify(figures)}\n`;
}

function doubtsOf({ tally, verdict }: RunResult): readonly string[] {
  const doubts: string[] = [];
  if (!tally.addsUp) doubts.push("✗ The edges' answers do not add up to what was posted");
  if (tally.undelivered > 0) {
    doubts.push(`✗ ${formatCount(tally.undelivered)} readings were not acknowledged in the end`);
  }
  if (verdict.backlog !== 0) {
    doubts.push(`✗ The origin lacks ${verdict.backlog ?? "unknown"} journal entries of the edges`);
  }
  if (verdict.differentDevices > 0) {
    doubts.push(
      `✗ ${verdict.differentDevices} devices differ, such as ${verdict.different.join(", ")}`,
    );
  }
  return doubts;
}
