// How does the run go? Some lines that renew themselves on a terminal, a line every few seconds
// elsewhere.

import { setTimeout as sleep } from "node:timers/promises";
import type { Latencies, Tally } from "./tally.ts";
import { backlogOf } from "./verdict.ts";

const TERMINAL_MS = 500;
const PLAIN_MS = 5_000;

/** Shows how a run goes until `signal` is aborted. */
export async function showProgress(
  tally: Tally,
  edges: readonly string[],
  waiting: () => number,
  signal: AbortSignal,
): Promise<void> {
  const { isTTY } = process.stdout;
  const show = isTTY ? showAnew() : (line: string) => void process.stdout.write(`${line}\n`);
  const beganMs = performance.now();
  let before = { atMs: beganMs, delivered: 0 };
  while (!signal.aborted) {
    await sleep(isTTY ? TERMINAL_MS : PLAIN_MS, undefined, { signal }).catch(() => undefined);
    const atMs = performance.now();
    const { delivered } = tally;
    const rate = ((delivered - before.delivered) * 1_000) / (atMs - before.atMs);
    before = { atMs, delivered };
    if (signal.aborted) break;
    const line = formatProgress(tally, {
      elapsedMs: atMs - beganMs,
      rate,
      latencies: tally.takeRecent(),
      backlog: await backlogOf(edges),
      waiting: waiting(),
    });
    show(line);
  }
}

/** Shows a line in the place of the one before, over as many rows as the terminal needs for it. */
function showAnew(): (line: string) => void {
  let rows = 0;
  return (line) => {
    const wrapped = wrap(line, process.stdout.columns);
    const above = rows === 0 ? "" : `\u001B[${rows}A\u001B[J`;
    process.stdout.write(`${above}${wrapped.join("\n")}\n`);
    rows = wrapped.length;
  };
}

/** Breaks a line between its figures, which are two spaces apart. */
export function wrap(line: string, columns: number): readonly string[] {
  const rows: string[] = [];
  for (const figure of line.split(/(?<=\S) {2}/)) {
    const joined = rows.length === 0 ? figure : `${rows.at(-1)}  ${figure}`;
    if (rows.length > 0 && joined.length < columns) rows[rows.length - 1] = joined;
    else rows.push(rows.length === 0 ? figure : `        ${figure}`);
  }
  return rows;
}

/** Writes the state of a run as one line; the rate and the latencies are those since the line before. */
export function formatProgress(
  tally: Tally,
  at: {
    readonly elapsedMs: number;
    readonly rate: number;
    readonly latencies: Latencies;
    readonly backlog: number | null;
    readonly waiting: number;
  },
): string {
  const p50 = formatMs(at.latencies.percentile(0.5));
  const p99 = formatMs(at.latencies.percentile(0.99));
  return [
    `${(at.elapsedMs / 1_000).toFixed(0).padStart(4)} s`,
    `${formatCount(at.rate)} readings/s`,
    `accepted ${formatCount(tally.accepted)}`,
    `duplicates ${formatCount(tally.duplicates)}`,
    `rejected ${formatCount(tally.rejected)}`,
    `p50 ${p50} p99 ${p99} ms`,
    `refused ${formatCount(tally.refused)}`,
    `failed ${formatCount(tally.failed)}`,
    `queued ${formatCount(at.waiting)}`,
    `backlog ${at.backlog === null ? "?" : formatCount(at.backlog)}`,
  ].join("  ");
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

export function formatMs(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}
