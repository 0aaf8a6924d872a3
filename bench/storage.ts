// How much disk, how many rows and how long a start does a hub's storage take? The real store over a
// database file: a fleet of 100 devices with 4 streams each, a reading every 10 s, in batches of
// 1,000, with next to nothing and, by default, 48 hours kept for an origin that asks again;
// the same for 72 hours without an origin; and a boat's log. The last line is JSON, and
// bench/results/storage.json holds it.

import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os, { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { ingest } from "../edge/ingest.ts";
import { limits } from "../edge/limits.ts";
import type { HubStoreOptions } from "../edge/platform/hub-memory.ts";
import { SqlHubStore } from "../edge/platform/sql-hub-store.ts";
import { parseCount, runCommand } from "../tools/terminal.ts";
import { boat, fleet, type Arrival } from "./storage/fleets.ts";
import { openFileSql, type FileSql } from "./storage/file-sql.ts";

/** 72 hours of the fleet, beside its ten million readings. */
const OFFLINE_SHARE = 1.0368;
const INSTANTS = 250;
/** A fifth of the journal's bound is kept for an origin that asks again: here hardly more than a page. */
const SMALL: HubStoreOptions = { journalBytesMax: 400_000 };

interface Scenario {
  readonly name: string;
  readonly arrivals: Iterable<Arrival>;
  readonly isOriginAway: boolean;
  readonly options: HubStoreOptions;
}

function sizesOf(sql: FileSql): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const table of ["journal", "archive", "segment", "device"]) {
    const body = table === "journal" ? "length(body) + length(note)" : "length(body)";
    const [row] = sql.exec(`select total(${body}) as bytes, count(*) as n from ${table}`);
    sizes[`${table}Bytes`] = Number(row?.["bytes"]);
    sizes[`${table}Rows`] = Number(row?.["n"]);
  }
  return sizes;
}

/** Milliseconds of a core that this process used; others that use it meanwhile do not count. */
function usedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Seals what is due; returns how long the longest slice took, in milliseconds. */
function seal(store: SqlHubStore): number {
  let longestMs = 0;
  let readings = 0;
  let startedMs = usedMs();
  for (const step of store.seal()) {
    readings += step;
    // As edge/sealing.ts ends a slice.
    const spentMs = usedMs() - startedMs;
    if (spentMs < limits.sliceMs && readings < limits.sliceReadings) continue;
    longestMs = Math.max(longestMs, spentMs);
    readings = 0;
    startedMs = usedMs();
  }
  return longestMs;
}

/** What the alarm does: seals what is due, then makes room; gives the longest slice, if any. */
function maintain(store: SqlHubStore, nowMs: number): number[] {
  if (!store.isSealDue(nowMs)) return [];
  const longestMs = seal(store);
  while (store.makeRoom());
  return [longestMs];
}

/** The origin holds everything now. */
function acknowledge(store: SqlHubStore): void {
  const seq = store.extent().head;
  store.saveLink({ ...store.loadLink(), cursor: { seq, digest: seq } });
}

function run({ name, arrivals, isOriginAway, options }: Scenario, folder: string) {
  const file = path.join(folder, `${name.replaceAll(/\W+/g, "-")}.sqlite`);
  const sql = openFileSql(file);
  const store = new SqlHubStore(sql, 1, options);
  const rowsBefore = sql.rowsWritten();
  let readings = 0;
  let commits = 0;
  let slices: number[] = [];
  let ingestMs = 0;
  let sealMs = 0;
  let linkRows = 0;
  for (const { command, nowMs, readings: count } of arrivals) {
    const startedMs = usedMs();
    const outcome = ingest(command, store, nowMs);
    if (outcome.kind !== "committed" || outcome.accepted !== count)
      throw new Error(`${name}: ${JSON.stringify(outcome)}`);
    store.write();
    const committedMs = usedMs();
    slices.push(...maintain(store, nowMs));
    sealMs += usedMs() - committedMs;
    ingestMs += committedMs - startedMs;
    readings += count;
    commits += 1;
    if (isOriginAway || commits % 16 !== 0) continue;
    const before = sql.rowsWritten();
    acknowledge(store);
    linkRows += sql.rowsWritten() - before;
  }
  const rows = sql.rowsWritten() - rowsBefore - linkRows;
  const buffered = isOriginAway ? restart(file, options) : null;
  slices.push(seal(store));
  sql.checkpoint();
  const { size } = statSync(file);
  const sizes = sizesOf(sql);
  sql.close();
  slices = slices.toSorted((a, b) => a - b);
  return {
    name,
    readings,
    commits,
    fileBytes: size,
    bytesAReading: size / readings,
    sealedBytesAReading: (sizes["segmentBytes"] ?? 0) / readings,
    journalBytesAReading: (sizes["journalBytes"] ?? 0) / readings,
    rowsA1000: (rows / readings) * 1000,
    ingestUsAReading: (ingestMs / readings) * 1000,
    sealUsAReading: (sealMs / readings) * 1000,
    longestSliceMs: slices.at(-1) ?? 0,
    medianLongestSliceMs: slices[slices.length >> 1] ?? 0,
    restartMs: buffered,
    ...sizes,
  };
}

/** How long a store takes to open on what is there, until it has decided a batch. */
function restart(file: string, options: HubStoreOptions): number {
  const sql = openFileSql(file);
  const startedMs = performance.now();
  const store = new SqlHubStore(sql, 1, options);
  for (const { command, nowMs } of fleet(1, INSTANTS)) {
    const outcome = ingest(command, store, nowMs);
    if (outcome.kind !== "committed" || outcome.accepted > 0) throw new Error("It is a repetition");
    break;
  }
  const tookMs = performance.now() - startedMs;
  sql.close();
  return tookMs;
}

function scenariosOf(readings: number): Scenario[] {
  const fleetOf = (count: number): Iterable<Arrival> => fleet(Math.round(count), INSTANTS);
  return [
    { name: "boat", arrivals: boat(), isOriginAway: false, options: {} },
    { name: "fleet", arrivals: fleetOf(readings), isOriginAway: false, options: SMALL },
    { name: "fleet, defaults", arrivals: fleetOf(readings), isOriginAway: false, options: {} },
    {
      name: "offline",
      arrivals: fleetOf(readings * OFFLINE_SHARE),
      isOriginAway: true,
      options: {},
    },
  ];
}

function main(): void {
  const program = new Command("bench:storage")
    .description(
      "Measures the disk, the rows and the start of a hub's storage: a fleet of 100 devices with an origin, the same for 72 hours without one, and a boat's log.",
    )
    .argument("[readings]", "readings of the fleet", "10000000")
    .option("--out <file>", "where the report goes", "bench/results/storage.json")
    .addHelpText("after", "\nFive minutes; the last line of stdout is JSON.")
    .parse();
  const readings = parseCount("readings", program.args[0] ?? "10000000", 1_000, 100_000_000);
  const { out } = program.opts<{ readonly out: string }>();
  const folder = mkdtempSync(path.join(tmpdir(), "skerry-bench-"));
  try {
    const results = scenariosOf(readings).map((scenario) => run(scenario, folder));
    console.table(
      results.map(({ name, readings: count, fileBytes, ...figures }) => ({
        name,
        readings: count,
        fileBytes,
        bytesAReading: Number(figures.bytesAReading.toFixed(3)),
        sealedBytesAReading: Number(figures.sealedBytesAReading.toFixed(3)),
        rowsA1000: Number(figures.rowsA1000.toFixed(3)),
      })),
    );
    const report = { bench: "storage", node: process.version, cpu: os.cpus()[0]?.model, results };
    const target = path.resolve(import.meta.dirname, "..", out);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, `${JSON.stringify(report, null, 2)}\n`);
    console.log(JSON.stringify(report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) await runCommand(main);
