// Which figures are to be reached? Bytes and counts of the workloads as they are in full, and processor
// time beside the fastest peer of the same run. They are those of the coded encoding.

import type { WorkloadId } from "./contestants.ts";
import type { Parts } from "./anatomy.ts";
import type { Figures } from "./stage.ts";

/** What one system came to on one workload. */
export interface Row {
  readonly workload: WorkloadId;
  readonly system: string;
  readonly label: string;
  readonly isPeer: boolean;
  readonly figures: Figures;
  /** Of our frames, raw, what goes where; null for others. */
  readonly parts: Parts | null;
}

export interface Gate {
  readonly name: string;
  readonly reach: string;
  /** Null: what it needs was not measured. */
  readonly found: number | null;
  readonly isMet: boolean | null;
}

interface Line {
  readonly workload: WorkloadId;
  readonly figure: string;
  readonly name: string;
  readonly reach: number;
  readonly isAtLeast?: true;
  readonly system?: string;
}

const OURS = "skerry";

const LINES: readonly Line[] = [
  { workload: "W1", figure: "totalBytes", name: "W1 bytes", reach: 600_000 },
  {
    workload: "W1",
    figure: "totalBytes",
    name: "W1 bytes, 128 ms",
    reach: 480_000,
    system: "skerry-128",
  },
  { workload: "W1", figure: "bootBytes", name: "W1 bytes to boot an edge", reach: 15_000 },
  { workload: "W1", figure: "snapshotBytes", name: "W1 snapshot bytes", reach: 45_000 },
  { workload: "W1", figure: "heapBytes", name: "W1 heap bytes", reach: 15_000_000 },
  { workload: "W2", figure: "totalBytes", name: "W2 bytes", reach: 690_000 },
  { workload: "W2", figure: "snapshotBytes", name: "W2 snapshot bytes", reach: 20_000 },
  { workload: "W3", figure: "upBytes", name: "W3 bytes up", reach: 27_000 },
  { workload: "W3", figure: "noopBytes", name: "W3 bytes of nothing new", reach: 96 },
  { workload: "W3", figure: "coldBytes", name: "W3 bytes cold, position known", reach: 700 },
  { workload: "W3", figure: "coldLostBytes", name: "W3 bytes cold, position lost", reach: 5_000 },
  { workload: "W4", figure: "totalBytes", name: "W4 bytes", reach: 154_000 },
  {
    workload: "W4",
    figure: "keptAdds",
    name: "W4 additions kept",
    reach: 725,
    isAtLeast: true,
  },
  { workload: "W4", figure: "snapshotGrowth", name: "W4 growth of the snapshot", reach: 1.1 },
  { workload: "W5", figure: "bytesAMessage", name: "W5 bytes a message", reach: 24 },
  {
    workload: "codec",
    figure: "encodedPerS",
    name: "entries encoded a second",
    reach: 1e6,
    isAtLeast: true,
  },
  {
    workload: "codec",
    figure: "decodedPerS",
    name: "entries decoded a second",
    reach: 1e6,
    isAtLeast: true,
  },
  {
    workload: "codec",
    figure: "codedPerS",
    name: "entries coded a second",
    reach: 1e6,
    isAtLeast: true,
  },
  {
    workload: "codec",
    figure: "uncodedPerS",
    name: "entries read back a second",
    reach: 1e6,
    isAtLeast: true,
  },
];

const CPU_WORKLOADS: readonly WorkloadId[] = ["W1", "W2", "W3", "W4", "W5"];

/** Judges every figure; of a quick run only processor time is comparable, and not a figure either. */
export function judge(rows: readonly Row[], isQuick: boolean): Gate[] {
  const figureOf = ({ workload, figure, system = OURS }: Line): number | null =>
    rows.find((row) => row.workload === workload && row.system === system)?.figures[figure] ?? null;
  const lines = LINES.map((line): Gate => {
    const { name, reach, isAtLeast } = line;
    const found = isQuick ? null : figureOf(line);
    const isMet = found === null ? null : isAtLeast ? found >= reach : found <= reach;
    return { name, reach: `${isAtLeast ? ">=" : "<="} ${reach}`, found, isMet };
  });
  return [...lines, ...CPU_WORKLOADS.map((workload) => cpuGate(rows, workload, isQuick))];
}

/** Processor time over that of the fastest peer. */
function cpuGate(rows: readonly Row[], workload: WorkloadId, isQuick: boolean): Gate {
  const cpuOf = ({ figures }: Row): number => figures["cpuS"] ?? NaN;
  const ours = rows.find((row) => row.workload === workload && row.system === OURS);
  const peers = rows.filter((row) => row.workload === workload && row.isPeer).map(cpuOf);
  const isKnown = !isQuick && ours !== undefined && peers.length > 0;
  const found = isKnown ? cpuOf(ours) / Math.min(...peers) : null;
  const name = `${workload} processor time over the fastest peer's`;
  return { name, reach: "< 1", found, isMet: found === null ? null : found < 1 };
}
