// What is said in the end? A table a workload, where our bytes go, and which figures are reached.

import { table } from "../ingest/report.ts";
import type { Parts } from "./anatomy.ts";
import type { WorkloadId } from "./contestants.ts";
import type { Gate, Row } from "./gates.ts";
import type { Figures } from "./stage.ts";

type Column = readonly [head: string, show: (figures: Figures, floor: Figures) => string];

export const TITLES: Readonly<Record<WorkloadId, string>> = {
  W1: "W1 fleet",
  W2: "W2 counters",
  W3: "W3 partition",
  W4: "W4 churn",
  W5: "W5 trickle",
  codec: "codec",
};

const kilo = (figure: string): Column[1] => number(figure, 1_000, 1);

function number(figure: string, unit: number, decimals: number): Column[1] {
  return (figures) => {
    const value = figures[figure];
    return value === undefined ? "-" : (value / unit).toFixed(decimals);
  };
}

function timesFloor(own: Figures, floor: Figures): string {
  const [bytes, least] = [own["totalBytes"], floor["totalBytes"]];
  return bytes === undefined || least === undefined ? "-" : (bytes / least).toFixed(2);
}

const TRAFFIC: readonly Column[] = [
  ["up KB", kilo("upBytes")],
  ["down KB", kilo("downBytes")],
  ["KB", kilo("totalBytes")],
  ["x floor", timesFloor],
];
const COSTS: readonly Column[] = [
  ["CPU s", number("cpuS", 1, 2)],
  ["storing s", number("storeS", 1, 2)],
  ["snapshot KB", kilo("snapshotBytes")],
  ["heap MB", number("heapBytes", 1e6, 1)],
];

const COLUMNS: Readonly<Record<WorkloadId, readonly Column[]>> = {
  W1: [...TRAFFIC, ...COSTS, ["boot KB", kilo("bootBytes")]],
  W2: [...TRAFFIC, ...COSTS],
  W3: [
    ...TRAFFIC,
    ...COSTS,
    ["sync CPU s", number("syncCpuS", 1, 3)],
    ["no-op B", number("noopBytes", 1, 0)],
    ["cold KB", number("coldBytes", 1_000, 2)],
    ["lost KB", number("coldLostBytes", 1_000, 2)],
  ],
  W4: [
    ...TRAFFIC,
    ...COSTS,
    ["kept", number("keptAdds", 1, 0)],
    ["of", number("concurrentAdds", 1, 0)],
    ["growth", number("snapshotGrowth", 1, 2)],
  ],
  W5: [
    ["B a message", number("bytesAMessage", 1, 1)],
    ["B an answer", number("bytesAnAnswer", 1, 1)],
    ["CPU s", number("cpuS", 1, 2)],
    ["storing s", number("storeS", 1, 2)],
  ],
  codec: [
    ["encoded M/s", number("encodedPerS", 1e6, 2)],
    ["decoded M/s", number("decodedPerS", 1e6, 2)],
    ["B an entry", number("bytesAnEntry", 1, 2)],
  ],
};

/** Formats what all systems came to on one workload. */
export function formatWorkload(workload: WorkloadId, rows: readonly Row[]): string {
  const own = rows.filter((row) => row.workload === workload);
  const floor = own.find(({ system }) => system === "floor")?.figures ?? {};
  const columns = COLUMNS[workload];
  const lines = own.map(({ label, figures }) => [
    label,
    ...columns.map(([, show]) => show(figures, floor)),
    "",
  ]);
  return table([[TITLES[workload], ...columns.map(([head]) => head), ""], ...lines]);
}

const PARTS: readonly (readonly [head: string, part: keyof Parts])[] = [
  ["envelopes", "envelopes"],
  ["new keys", "newKeys"],
  ["key numbers", "keyNumbers"],
  ["stamps", "stamps"],
  ["values", "values"],
];

/** Formats where the bytes of our frames go, before they are deflated; then bytes an entry. */
export function formatParts(rows: readonly Row[]): string {
  const ours = rows.filter(({ parts }) => parts !== null);
  const lines = ours.map(({ workload, label, parts, figures }) => [
    `${workload} ${label}`,
    String(parts?.entries ?? 0),
    ...PARTS.map(([, part]) => `${((parts?.[part] ?? 0) / 1_000).toFixed(1)}`),
    kiloOf(figures["rawBytes"]),
    kiloOf(figures["totalBytes"]),
    "",
  ]);
  const heads = PARTS.map(([head]) => head);
  return table([["KB, raw", "entries", ...heads, "all", "sent", ""], ...lines]);
}

function kiloOf(bytes = 0): string {
  return (bytes / 1_000).toFixed(1);
}

/** Formats the figures to reach. */
export function formatGates(gates: readonly Gate[]): string {
  const lines = gates.map(({ name, reach, found, isMet }) => [
    name,
    reach,
    found === null ? "-" : found.toFixed(found < 100 ? 2 : 0),
    isMet === null ? "not measured" : isMet ? "met" : "NOT MET",
  ]);
  return table([["to reach", "", "found", ""], ...lines]);
}
