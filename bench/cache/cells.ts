// What is measured in bench:cache, of whom, and beside whom?

import type { Job } from "./job.ts";

export type ServerName =
  | "bare1"
  | "bare64"
  | "again"
  | "looks"
  | "bareHono"
  | "filters"
  | "keeps"
  | "keepsCell"
  | "skerry"
  | "alone"
  | "quiet"
  | "behind"
  | "proxy"
  | "hono"
  | "nginx"
  | "varnish";

export const LABELS: Readonly<Record<ServerName, string>> = {
  bare1: "bare handler",
  bare64: "bare handler",
  again: "bare handler, once more",
  looks: "floor: looks at the fields",
  bareHono: "floor: bare behind Hono",
  filters: "floor: filters fields",
  keeps: "floor: keeps the body",
  keepsCell: "floor: and asks a cell",
  skerry: "Skerry",
  alone: "Skerry, memory alone",
  quiet: "Skerry, no log",
  behind: "Skerry behind Hono",
  proxy: "plain proxy Worker",
  hono: "Hono with its cache",
  nginx: "nginx",
  varnish: "Varnish",
};

/** No Workers: they are as fast at their first request as ever. */
export const PEERS: ReadonlySet<ServerName> = new Set(["nginx", "varnish"]);

/** One thing that is done to several systems; the first is what the others are held against. */
export interface Cell {
  readonly name: string;
  readonly servers: readonly ServerName[];
  readonly targets: readonly string[];
  readonly fields?: string;
  /** Requests of a slice. */
  readonly requests: number;
  /**
   * Requests that each Worker is sent before it is measured. A Worker that has collected no garbage yet
   * takes fresh memory for each request, and that may cost as much as the answer.
   */
  readonly warmUp: number;
  /** A pause before each slice, so that a view of purges is too old at its first request. */
  readonly pauseMs?: number;
  readonly statuses?: Job["statuses"];
}

const page = (policy: string, bytes: number): string => `/${policy}/${bytes}/page`;
const few = (policy: string): string[] =>
  Array.from({ length: 50 }, (_, at) => `/${policy}/1024/page-${at}`);

export const CELLS: readonly Cell[] = [
  {
    name: "hit, 1 KB",
    servers: [
      "bare1",
      "again",
      "looks",
      "skerry",
      "bareHono",
      "behind",
      "hono",
      "nginx",
      "varnish",
    ],
    targets: [page("keep", 1_024)],
    requests: 1_000,
    warmUp: 80_000,
  },
  {
    name: "hit, 64 KB",
    servers: ["bare64", "skerry", "behind", "hono", "nginx", "varnish"],
    targets: [page("keep", 65_536)],
    requests: 500,
    warmUp: 3_000,
  },
  {
    name: "hit, 1 KB, old view",
    servers: ["bare1", "looks", "skerry"],
    targets: [page("keep", 1_024)],
    requests: 1_000,
    warmUp: 1_000,
    pauseMs: 1_100,
  },
  {
    name: "304",
    servers: ["bare1", "skerry", "nginx", "varnish"],
    targets: [page("keep", 1_024)],
    fields: 'If-None-Match: "1024-1"\r\n',
    requests: 1_000,
    warmUp: 1_000,
    statuses: [200, 304],
  },
  {
    name: "miss, 1 KB",
    servers: [
      "proxy",
      "keeps",
      "keepsCell",
      "skerry",
      "alone",
      "quiet",
      "hono",
      "nginx",
      "varnish",
    ],
    targets: ["/keep/1024/#"],
    requests: 400,
    warmUp: 3_000,
  },
  {
    name: "uncacheable, 1 KB",
    servers: ["proxy", "filters", "skerry", "quiet", "hono", "nginx", "varnish"],
    targets: few("no"),
    requests: 500,
    warmUp: 3_000,
  },
];

/** A figure that is to be reached. */
export interface Gate {
  readonly name: string;
  readonly found: number;
  readonly bound: number;
  readonly isMost: boolean;
  readonly isMet: boolean;
}

/** What the ratios have to be: at most, of processor time a request; at least, of requests a second. */
const BOUNDS: readonly {
  readonly cell: string;
  readonly server: ServerName;
  readonly figure: "cpu" | "rate";
  readonly bound: number;
}[] = [
  { cell: "hit, 1 KB", server: "skerry", figure: "cpu", bound: 1.05 },
  { cell: "hit, 64 KB", server: "skerry", figure: "cpu", bound: 1.05 },
  { cell: "hit, 1 KB, old view", server: "skerry", figure: "cpu", bound: 1.05 },
  { cell: "hit, 1 KB", server: "behind", figure: "cpu", bound: 1.2 },
  { cell: "hit, 64 KB", server: "behind", figure: "cpu", bound: 1.2 },
  { cell: "miss, 1 KB", server: "skerry", figure: "cpu", bound: 1.15 },
  { cell: "miss, 1 KB", server: "alone", figure: "cpu", bound: 1.15 },
  { cell: "uncacheable, 1 KB", server: "skerry", figure: "rate", bound: 0.95 },
];

/** What came of one system in one cell: medians over rounds, and of ratios within a round. */
export interface Row {
  readonly cell: string;
  readonly server: ServerName;
  /** Microseconds of processor time a request. */
  readonly cpuUs: number;
  readonly perS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuRatio: number;
  readonly rateRatio: number;
}

export function judgeRows(rows: readonly Row[]): Gate[] {
  return BOUNDS.flatMap(({ cell, server, figure, bound }) => {
    const row = rows.find((one) => one.cell === cell && one.server === server);
    if (row === undefined) return [];
    const isMost = figure === "cpu";
    const found = isMost ? row.cpuRatio : row.rateRatio;
    const what = isMost ? "processor time a request" : "requests a second";
    const base = isMost && !cell.startsWith("miss") ? "the bare handler's" : "the proxy's";
    return [gateOf(`${cell}: ${LABELS[server]}'s ${what} beside ${base}`, found, bound, isMost)];
  });
}

export function gateOf(name: string, found: number, bound: number, isMost = true): Gate {
  return { name, found, bound, isMost, isMet: isMost ? found <= bound : found >= bound };
}
