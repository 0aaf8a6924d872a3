// What is said in the end? A table a cell, in which the best of each figure is named, whoever it is;
// what a reading takes on disk; and which of the figures to reach are met.

import type { Contestant } from "./contestants.ts";
import { GATES, type Gate, type GateResult } from "./gates.ts";
import type { Sample } from "./harness.ts";
import { median } from "./statistics.ts";

/** The medians of one contestant in one cell. */
export interface Row extends Sample {
  readonly cell: string;
  readonly contestant: string;
  readonly label: string;
  readonly rounds: number;
  /** Syncs to disk an answer, from the run under strace; null if none was made. */
  readonly syncsPerAnswer: number | null;
}

/** Takes the medians over the rounds, figure by figure. */
export function rowOf(
  cell: string,
  { id, label }: Contestant,
  samples: readonly Sample[],
  syncsPerAnswer: number | null,
): Row {
  const of = (figure: keyof Sample): number => median(samples.map((sample) => sample[figure]));
  return {
    cell,
    contestant: id,
    label,
    rounds: samples.length,
    readingsPerS: of("readingsPerS"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    cpuUs: of("cpuUs"),
    clientShare: of("clientShare"),
    bytesPerReading: of("bytesPerReading"),
    syncsPerAnswer,
  };
}

/** Judges every gate whose cells and contestants were measured. */
export function judge(rows: readonly Row[], gates: readonly Gate[] = GATES): GateResult[] {
  const find = (cell: string, contestant: string): Row | undefined =>
    rows.find((row) => row.cell === cell && row.contestant === contestant);
  return gates.map(({ name, reach, isAtLeast, figure }) => {
    const value = figure(find);
    const found = value === null || Number.isNaN(value) ? null : value;
    const isMet = found === null ? null : isAtLeast ? found >= reach : found <= reach;
    return { name, reach: `${isAtLeast ? ">=" : "<="} ${reach}`, found, isMet };
  });
}

/** Formats the rows of one cell; "best" says in which figures a row leads its cell. */
export function formatCell(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.label,
    thousands(row.readingsPerS),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.cpuUs.toFixed(2),
    row.syncsPerAnswer?.toFixed(2) ?? "-",
    row.bytesPerReading.toFixed(1),
    row.clientShare.toFixed(2),
    bestOf(row, rows),
  ]);
  const head = [
    "",
    "readings/s",
    "p50 ms",
    "p99 ms",
    "CPU us",
    "syncs",
    "sent B",
    "client",
    "best",
  ];
  return table([head, ...lines]);
}

/** Formats the gates as a table. */
export function formatGates(gates: readonly GateResult[]): string {
  const lines = gates.map(({ name, reach, found, isMet }) => [
    name,
    reach,
    found === null ? "-" : found.toFixed(2),
    isMet === null ? "not measured" : isMet ? "met" : "NOT MET",
  ]);
  return table([["to reach", "", "found", ""], ...lines]);
}

/** Lays out columns: the first to the left, numbers to the right, the last to the left. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? "").length)),
  );
  const lines = rows.map((row) =>
    row
      .map((text, at) => {
        const isLeft = at === 0 || at === columns - 1;
        return isLeft ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0);
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

function bestOf(row: Row, rows: readonly Row[]): string {
  if (rows.length < 2) return "";
  const leads = [
    row.readingsPerS === Math.max(...rows.map((other) => other.readingsPerS)) ? "rate" : "",
    row.p99Ms === Math.min(...rows.map((other) => other.p99Ms)) ? "p99" : "",
    row.cpuUs === Math.min(...rows.map((other) => other.cpuUs)) ? "CPU" : "",
  ];
  return leads.filter((lead) => lead !== "").join(" ");
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
