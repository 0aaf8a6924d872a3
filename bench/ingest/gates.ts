// Which figures are to be reached? Ratios to the peers of the same run, and counts; a machine's own
// speed is in none of them.

import type { Row } from "./report.ts";

/** Finds the medians of a contestant in a cell. */
export type Find = (cell: string, contestant: string) => Row | undefined;

export interface Gate {
  readonly name: string;
  readonly reach: number;
  /** True if more is better. */
  readonly isAtLeast: boolean;
  /** Null if what it needs was not measured. */
  readonly figure: (find: Find) => number | null;
}

export interface GateResult {
  readonly name: string;
  readonly reach: string;
  readonly found: number | null;
  readonly isMet: boolean | null;
}

type Figure = "readingsPerS" | "p99Ms" | "cpuUs";

const NAMES: Record<Figure, string> = {
  readingsPerS: "rate",
  p99Ms: "p99",
  cpuUs: "CPU a reading",
};
const CELLS_OF_16 = ["16x1", "16x100", "16x1000"];

export const GATES: readonly Gate[] = [
  ratio("16x1000", "skerry-http", "influx-wide", "cpuUs", 1),
  ratio("16x1000", "skerry-http", "influx-wide", "p99Ms", 0.4),
  ratio("16x1000", "skerry-http", "influx-wide", "readingsPerS", 0.85),
  ratio("1x1000", "skerry-http", "influx-wide", "readingsPerS", 0.85),
  ratio("1x1000", "skerry-http", "influx-wide", "p99Ms", 0.5),
  ratio("16x1000", "skerry-stream", "influx-wide", "readingsPerS", 2),
  ratio("16x1000", "skerry-binary", "influx-wide", "readingsPerS", 2),
  ratio("16x100", "skerry-stream", "postgres-copy", "readingsPerS", 1),
  mostSyncs("skerry-http", 0.25),
  mostSyncs("skerry-stream", 0.15),
];

function ratio(cell: string, ours: string, theirs: string, figure: Figure, reach: number): Gate {
  return {
    name: `${cell} ${ours} / ${theirs}: ${NAMES[figure]}`,
    reach,
    isAtLeast: figure === "readingsPerS",
    figure: (find) => {
      const [our, their] = [find(cell, ours), find(cell, theirs)];
      return our === undefined || their === undefined ? null : our[figure] / their[figure];
    },
  };
}

/** The most syncs an answer over the cells with 16 connections. */
function mostSyncs(contestant: string, reach: number): Gate {
  return {
    name: `16 connections ${contestant}: syncs an answer`,
    reach,
    isAtLeast: false,
    figure: (find) => {
      const syncs = CELLS_OF_16.map((cell) => find(cell, contestant)?.syncsPerAnswer ?? null);
      return syncs.some((each) => each === null) ? null : Math.max(...syncs.map(Number));
    },
  };
}
