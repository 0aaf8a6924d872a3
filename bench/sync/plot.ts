// What do the bytes look like beside the peers'? One panel a workload, a bar a system, a line where the
// floor is; as SVG.

import { TITLES } from "./report.ts";
import type { WorkloadId } from "./contestants.ts";
import type { Row } from "./gates.ts";

interface Panel {
  readonly workload: WorkloadId;
  readonly figure: string;
  readonly unit: string;
  readonly divisor: number;
}

const PANELS: readonly Panel[] = [
  { workload: "W1", figure: "totalBytes", unit: "KB", divisor: 1_000 },
  { workload: "W2", figure: "totalBytes", unit: "KB", divisor: 1_000 },
  { workload: "W3", figure: "totalBytes", unit: "KB", divisor: 1_000 },
  { workload: "W4", figure: "totalBytes", unit: "KB", divisor: 1_000 },
  { workload: "W5", figure: "bytesAMessage", unit: "bytes a message", divisor: 1 },
];

const WIDTH = 720;
const LABEL_WIDTH = 130;
const BAR_WIDTH = 500;
const BAR_HEIGHT = 14;
const LINE_HEIGHT = 19;
const PANEL_GAP = 18;
const TITLE_HEIGHT = 22;

/** Draws the plot; systems that were not run on a workload are left out of its panel. */
export function plot(rows: readonly Row[]): string {
  let y = PANEL_GAP;
  const parts: string[] = [];
  for (const panel of PANELS) {
    const bars = rows.filter(({ workload, system }) => {
      return (
        workload === panel.workload && !["floor", "skerry-128", "skerry-plain"].includes(system)
      );
    });
    if (bars.length === 0) continue;
    const floor = rows.find(
      ({ workload, system }) => workload === panel.workload && system === "floor",
    );
    parts.push(...drawPanel(panel, bars, floor, y));
    y += TITLE_HEIGHT + bars.length * LINE_HEIGHT + PANEL_GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>Bytes of each workload, sync/ beside its peers</title>`,
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function drawPanel(
  { workload, figure, unit, divisor }: Panel,
  bars: readonly Row[],
  floor: Row | undefined,
  top: number,
): string[] {
  const valueOf = (row: Row): number => (row.figures[figure] ?? 0) / divisor;
  const most = Math.max(...bars.map(valueOf));
  const widthOf = (value: number): string => ((value / most) * BAR_WIDTH).toFixed(1);
  const lines = [
    `<text x="8" y="${top + 12}" font-weight="600" fill="#1c2733">${TITLES[workload]}, ${unit}</text>`,
  ];
  for (const [i, row] of bars.entries()) {
    const y = top + TITLE_HEIGHT + i * LINE_HEIGHT;
    const value = valueOf(row);
    const shown = value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US");
    const end = LABEL_WIDTH + Number(widthOf(value)) + 6;
    lines.push(
      `<text x="${LABEL_WIDTH - 8}" y="${y + 11}" text-anchor="end" fill="#1c2733">${row.label}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${widthOf(value)}" height="${BAR_HEIGHT}" fill="${row.isPeer ? "#a9b4c0" : "#1f6fb2"}"/>`,
      `<text x="${end}" y="${y + 11}" fill="#1c2733">${shown}</text>`,
    );
  }
  if (floor === undefined) return lines;
  const x = (LABEL_WIDTH + Number(widthOf(valueOf(floor)))).toFixed(1);
  const from = top + TITLE_HEIGHT - 3;
  const to = top + TITLE_HEIGHT + bars.length * LINE_HEIGHT - 2;
  lines.push(
    `<line x1="${x}" y1="${from}" x2="${x}" y2="${to}" stroke="#c2410c" stroke-dasharray="3 3"/>`,
    `<text x="${x}" y="${to + 10}" text-anchor="middle" font-size="10" fill="#c2410c">floor</text>`,
  );
  return lines;
}
