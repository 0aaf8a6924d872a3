// What does the demo show at the end? A table a person can read, and the same figures as one line
// of JSON.

import type { StreamVerdict } from "./verdict.ts";
import type { VoyageLog } from "./voyage.ts";

/** One step of the story, and whether it held. */
export interface StepVerdict {
  readonly what: string;
  readonly held: boolean;
}

/** Everything that is shown. */
export interface DemoFigures {
  readonly voyage: VoyageLog;
  readonly streams: readonly StreamVerdict[];
  readonly expected: number;
  readonly counted: number;
  /** Distinct readings that the regions count, each for itself, added up. */
  readonly countedByRegions: number;
  /** Of these, readings that were sent to a second region too. */
  readonly inTwoRegions: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly convergedAfterHealMs: number | null;
  readonly convergedAtEndMs: number | null;
  readonly tookMs: number;
}

/** Prints the tables of the voyage and of the streams. */
export function printTables(figures: DemoFigures): void {
  const { voyage, streams } = figures;
  const rows: [string, string][] = [
    [
      "posted, with repetitions",
      `${number(voyage.posted)} readings in ${number(voyage.requests)} requests`,
    ],
    ["  batches posted twice to one region", number(voyage.twiceToOneRegion)],
    ["  batches posted to two regions", number(voyage.toTwoRegions)],
    ["  answers lost, batch sent again", number(voyage.answersLost)],
    ["accepted, by the answers", number(voyage.accepted)],
    ["taken in, but the answer was lost", number(voyage.takenInUnheard)],
    ["found to be duplicates", number(voyage.duplicates)],
    ["lost on the way to a region", number(voyage.unheard - voyage.takenInUnheard)],
    [
      "  these four are all that was posted",
      number(voyage.accepted + voyage.duplicates + voyage.unheard),
    ],
    [
      "counted by the regions, each for itself",
      `${number(figures.countedByRegions)} = ${number(voyage.accepted)} accepted + ${number(voyage.takenInUnheard)} with the answer lost`,
    ],
    ["  of them in two regions", number(figures.inTwoRegions)],
    [
      "counted at the origin, once",
      `${number(figures.counted)} of ${number(figures.expected)} in the file`,
    ],
    [
      "bytes in, from the boat",
      `${kilobytes(voyage.bodyBytes)} (${perReading(voyage.bodyBytes, voyage.posted)} a reading)`,
    ],
    [
      "bytes over the links, up and down",
      `${kilobytes(figures.bytesUp)} and ${kilobytes(figures.bytesDown)}, HTTP and pages included`,
    ],
    ["origin cut off for", seconds(voyage.cutMs)],
    [
      "backlog at the origin after healing",
      figures.convergedAfterHealMs === null ? "not in time" : seconds(figures.convergedAfterHealMs),
    ],
    [
      "at rest after the last reading",
      figures.convergedAtEndMs === null ? "not in time" : seconds(figures.convergedAtEndMs),
    ],
    ["pages served", `${number(voyage.pages.served)}, ${number(voyage.pages.stale)} of them stale`],
    [
      "  while cut off",
      `${number(voyage.pages.servedWhileCut)}, ${number(voyage.pages.staleWhileCut)} stale, slowest ${Math.round(voyage.pages.slowestWhileCutMs)} ms, ${number(voyage.pages.failed)} failed`,
    ],
  ];
  console.log("");
  for (const [name, value] of rows) console.log(`  ${name.padEnd(40)} ${value}`);
  console.log(
    `\n  ${"stream".padEnd(26)} ${"in the file".padStart(11)} ${"counted".padStart(9)}  ${"sum at the origin".padStart(19)}`,
  );
  for (const { stream, expected, counted, isEqual } of streams) {
    const sum = (counted?.sum ?? "none").padStart(19);
    console.log(
      `${isEqual ? "✓" : "✗"} ${stream.padEnd(26)} ${number(expected.count).padStart(11)} ${number(counted?.count ?? 0).padStart(9)}  ${sum}`,
    );
  }
  console.log("");
}

/** Formats the one line of JSON that the demo ends with. */
export function formatFigures(
  figures: DemoFigures,
  steps: readonly StepVerdict[],
  plant: string | null,
): string {
  const { voyage, streams, tookMs, convergedAfterHealMs, convergedAtEndMs } = figures;
  return JSON.stringify({
    held: steps.every((step) => step.held),
    plant,
    failed: steps.filter((step) => !step.held).map((step) => step.what),
    readings: figures.expected,
    posted: voyage.posted,
    requests: voyage.requests,
    accepted: voyage.accepted,
    duplicates: voyage.duplicates,
    rejected: voyage.rejected,
    answersLost: voyage.answersLost,
    takenInUnheard: voyage.takenInUnheard,
    lostOnTheWay: voyage.unheard - voyage.takenInUnheard,
    countedByRegions: figures.countedByRegions,
    inTwoRegions: figures.inTwoRegions,
    counted: figures.counted,
    streams: Object.fromEntries(
      streams.map(({ stream, counted }) => [
        stream,
        { count: counted?.count ?? 0, sum: counted?.sum ?? "0" },
      ]),
    ),
    bytesIn: voyage.bodyBytes,
    bytesUp: figures.bytesUp,
    bytesDown: figures.bytesDown,
    cutMs: Math.round(voyage.cutMs),
    convergedAfterHealMs: rounded(convergedAfterHealMs),
    convergedAtEndMs: rounded(convergedAtEndMs),
    pagesServed: voyage.pages.served,
    pagesStale: voyage.pages.stale,
    pagesStaleWhileCut: voyage.pages.staleWhileCut,
    pagesFailed: voyage.pages.failed,
    tookMs: Math.round(tookMs),
  });
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function kilobytes(bytes: number): string {
  return `${number(Math.round(bytes / 1000))} kB`;
}

function perReading(bytes: number, readings: number): string {
  return `${(bytes / Math.max(1, readings)).toFixed(1)} B`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
