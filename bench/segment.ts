// How small are sealed segments, and how fast is sealing? Bytes a reading for each data set, by part
// and beside what deflate makes of the same readings; millions of readings a second, of one core.
// The last line is JSON, and bench/results/segment.json holds it.

import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { decodeColumn, decodeSegment } from "../edge/segment/decode.ts";
import { encodeSegment } from "../edge/segment/encode.ts";
import { scalings } from "../edge/segment/scale.ts";
import type { Segment } from "../edge/segment/segment.ts";
import { writeValueColumn } from "../edge/segment/value-column.ts";
import { readHeader } from "../edge/segment/zone-map.ts";
import { ByteWriter } from "../sync/wire/bytes.ts";
import { dataSets, type DataSet } from "./segment/data-sets.ts";
import { doublesBytes, journalBytes, jsonBytes } from "./segment/peers.ts";

const CODECS = ["constant", "decimal", "deflated", "gorilla", "halves", "raw", "bits", "modelled"];
const MEASURED_MS = 500;
const ROUNDS = 3;

const deflate = (bytes: Uint8Array): Uint8Array => deflateRawSync(bytes, { level: 6 });
const inflate = (bytes: Uint8Array, bytesMax: number): Uint8Array | null => {
  try {
    return inflateRawSync(bytes, { maxOutputLength: bytesMax });
  } catch {
    return null;
  }
};

function readingsOf(segment: Segment): number {
  return segment.columns.reduce((sum, { rows }) => sum + rows.length, 0);
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** Milliseconds of a core that this process used; others that use it meanwhile do not count. */
function usedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Readings a second of a core, in millions: the best of a few rounds. */
function speedOf(readings: number, work: () => void): number {
  let best = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedMs = usedMs();
    let done = 0;
    let tookMs = 0;
    while (tookMs < MEASURED_MS) {
      work();
      done += readings;
      tookMs = usedMs() - startedMs;
    }
    best = Math.max(best, done / tookMs / 1000);
  }
  return best;
}

/** How many columns each codec won. */
function codecsOf(segments: readonly Segment[]): Record<string, number> {
  const won: Record<string, number> = {};
  for (const { kind, values } of segments.flatMap(({ columns }) => columns)) {
    const writer = new ByteWriter();
    writeValueColumn(writer, kind, values, kind === "number" ? scalings(values) : [], undefined);
    const codec = CODECS[writer.bytes()[0] as number] ?? "?";
    won[codec] = (won[codec] ?? 0) + 1;
  }
  return won;
}

function assertRoundTrip(segment: Segment, sealed: Uint8Array): void {
  const decoded = decodeSegment(sealed);
  const isSame =
    decoded.ok &&
    segment.columns.every(({ values }, at) => {
      const back = decoded.value.columns[at]?.values ?? new Float64Array(0);
      return Buffer.from(values.slice().buffer).equals(Buffer.from(back.slice().buffer));
    });
  if (!isSame) throw new Error("A segment did not come back as it was");
}

function measure({ name, segments }: DataSet) {
  const sealed = segments.map((segment) => encodeSegment(segment));
  segments.forEach((segment, at) => assertRoundTrip(segment, sealed[at] as Uint8Array));
  const headers = sealed.map((bytes) => readHeader(bytes));
  const readings = total(segments.map(readingsOf));
  const each = (bytes: readonly number[]): number => total(bytes) / readings;
  const deflated = segments.map((segment) => encodeSegment(segment, deflate));
  const streams = segments[0]?.columns.map(({ stream }) => stream) ?? [];
  const decodeOne = (): void => {
    for (const bytes of sealed) decodeColumn(bytes, streams[0] ?? "", 0, Infinity);
  };
  const ofOne = total(segments.map(({ columns }) => columns[0]?.rows.length ?? 0));
  return {
    name,
    segments: segments.length,
    readings,
    bytes: {
      sealed: each(sealed.map(({ length }) => length)),
      header: each(headers.map((header) => (header?.bytes ?? 0) + 4)),
      timesAndStamps: each(headers.map((header) => header?.sharedBytes ?? 0)),
      columns: each(headers.map((header) => total(header?.columnBytes ?? []))),
      withDeflate: each(deflated.map(({ length }) => length)),
      journal: each(segments.map(journalBytes)),
      jsonDeflated: each(segments.map(jsonBytes)),
      doublesDeflated: each(segments.map(doublesBytes)),
    },
    codecs: codecsOf(segments),
    millionsASecond: {
      encode: speedOf(readings, () => {
        for (const segment of segments) encodeSegment(segment);
      }),
      decode: speedOf(readings, () => {
        for (const bytes of sealed) decodeSegment(bytes);
      }),
      decodeColumn: speedOf(ofOne, decodeOne),
    },
    isInflatable: deflated.every((bytes) => decodeSegment(bytes, inflate).ok),
  };
}

function print(results: readonly ReturnType<typeof measure>[]): void {
  console.log("bytes a reading (deflate: level 6)");
  console.table(Object.fromEntries(results.map(({ name, bytes }) => [name, rounded(bytes, 3)])));
  console.log("columns by codec");
  console.table(Object.fromEntries(results.map(({ name, codecs }) => [name, codecs])));
  console.log("million readings a second, one core");
  console.table(
    Object.fromEntries(
      results.map(({ name, millionsASecond }) => [name, rounded(millionsASecond, 1)]),
    ),
  );
}

function rounded<T extends Record<string, number>>(numbers: T, decimals: number) {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, number]) => [name, Number(number.toFixed(decimals))]),
  );
}

const results = dataSets().map(measure);
print(results);
const report = { bench: "segment", node: process.version, cpu: os.cpus()[0]?.model ?? "", results };
const folder = new URL("results/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("segment.json", folder), `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify(report));
