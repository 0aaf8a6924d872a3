// What happens to a batch of readings inside the hub? Top to bottom: recall the batch, check the
// readings, fold, commit. All of it in one synchronous turn, so it commits together, and the answer
// leaves after the commit (P1).

import type { DeviceId } from "../sync/brand.ts";
import { isQuarantined } from "../sync/quarantine.ts";
import {
  decodeBatches,
  encodeBatches,
  readingsOf,
  type BatchIdentity,
  type ReadingBatch,
} from "../sync/wire/batch.ts";
import { assert } from "../sync/assert.ts";
import { limits } from "./limits.ts";
import type { HubStore } from "./ports.ts";
import { spanOf } from "./restamp-journal.ts";
import { ackSeqOf, recall, remember } from "./telemetry/batch-memory.ts";
import {
  byMinute,
  foldMinute,
  foldStream,
  NEW_DEVICE,
  streamOf,
  type DeviceState,
  type FreshReadings,
} from "./telemetry/device-state.ts";
import { checkReadings, heldTimes, select } from "./telemetry/reading-check.ts";

/** A batch as the Worker hands it to the hub: parsed, authenticated and encoded. */
export interface IngestCommand {
  readonly device: DeviceId;
  readonly identity: BatchIdentity;
  readonly contentHash: string;
  /** One or two encoded batches (with times; without: time 0) of this device. */
  readonly entry: Uint8Array;
  /** The device's clock when it sent the batch, epoch milliseconds. */
  readonly sentMs: number | null;
  /** Store nothing unless everything can be stored (`Prefer: handling=strict`). */
  readonly isStrict: boolean;
}

/** What became of it. Counts are readings. */
export type IngestOutcome =
  | {
      readonly kind: "committed";
      readonly accepted: number;
      readonly duplicates: number;
      readonly conflicts: number;
      readonly late: number;
      readonly quarantined: number;
      readonly ackSeq: number | null;
      readonly refused: readonly Refusal[];
    }
  /** Everything had to be refused, or something and it is strict: nothing is stored. */
  | { readonly kind: "refused"; readonly refused: readonly Refusal[] }
  | { readonly kind: "sequence-reused" }
  | { readonly kind: "buffer-full" }
  | { readonly kind: "hub-full" };

/** Readings that the hub could not take, by stream. */
export interface Refusal {
  readonly stream: string;
  readonly code: "too-many-streams" | "time-required";
  readonly count: number;
}

/** Commits a batch, or says why not. The caller runs it inside one transaction of `store`. */
export function ingest(command: IngestCommand, store: HubStore, nowMs: number): IngestOutcome {
  const decoded = decodeBatches(command.entry);
  assert(decoded.ok, "The Worker encodes batches that decode");
  const known = store.loadDevice(command.device);
  const state = known ?? NEW_DEVICE;
  const memory = recall(state.memory, command.identity, command.contentHash);
  if (memory.kind === "reused") return { kind: "sequence-reused" };
  if (memory.kind === "repeated") return repeated(decoded.value, state, command.identity);
  if (store.unackedBytes() >= limits.journalUnackedBytesMax) return { kind: "buffer-full" };
  if (known === null && store.deviceCount() >= limits.devicesPerHubMax) return { kind: "hub-full" };
  // Stamps never go back whatever the clock does, so that an earlier commit wins a conflict.
  const stampMs = Math.max(nowMs, store.lastStampMs());
  const assignedMs = freeTime(command.device, decoded.value, state, stampMs, store);
  const admitted = admit(decoded.value, state, assignedMs, memory.kind === "outside-window");
  const { refused } = admitted;
  if (refused.length > 0 && (command.isStrict || admitted.batches.length === 0))
    return { kind: "refused", refused };
  return commit(command, state, admitted, stampMs, nowMs, store);
}

/**
 * Finds the time for readings without one: the commit's, or the next that no other reading has. A
 * device whose clock is ahead may have given that very time, and one of the two would not count.
 */
function freeTime(
  device: DeviceId,
  batches: readonly ReadingBatch[],
  state: DeviceState,
  stampMs: number,
  store: HubStore,
): number {
  const timeless = batches.filter((batch) => batch.isTimeAssigned);
  const streams = timeless.flatMap(({ columns }) => columns.map(({ stream }) => stream));
  const marks = streams.map((stream) => streamOf(state.streams, stream).highWaterMs);
  const markMs = Math.max(0, ...marks);
  const held =
    markMs < stampMs ? [] : heldTimes(device, [stampMs, markMs], state.longestSpanMs, store);
  const taken = new Set([...held, ...batches.flatMap((batch) => batch.times)]);
  let timeMs = stampMs;
  while (taken.has(timeMs)) timeMs += 1;
  return timeMs;
}

/** A repeated batch stores nothing; what was refused the first time is refused again. */
function repeated(
  batches: readonly ReadingBatch[],
  state: DeviceState,
  identity: BatchIdentity,
): IngestOutcome {
  const refused: Refusal[] = batches
    .flatMap((batch) => batch.columns)
    .filter(({ stream }) => !Object.hasOwn(state.streams, stream))
    .map(({ stream, rows }) => ({ stream, code: "too-many-streams", count: rows.length }));
  const posted = batches.reduce((sum, batch) => sum + readingsOf(batch), 0);
  const duplicates = refused.reduce((rest, refusal) => rest - refusal.count, posted);
  const ackSeq = ackSeqOf(state.memory, identity);
  return {
    kind: "committed",
    accepted: 0,
    duplicates,
    conflicts: 0,
    late: 0,
    quarantined: 0,
    ackSeq,
    refused,
  };
}

interface Admitted {
  readonly batches: readonly ReadingBatch[];
  readonly refused: readonly Refusal[];
}

/** Fixes the time of readings without one and refuses what the hub has no room for. */
function admit(
  batches: readonly ReadingBatch[],
  state: DeviceState,
  assignedMs: number,
  isOutsideWindow: boolean,
): Admitted {
  const refused: Refusal[] = [];
  const streams = new Set(Object.keys(state.streams));
  const admitted = batches.flatMap((batch) => {
    const timed = batch.isTimeAssigned ? { ...batch, times: [assignedMs] } : batch;
    const isAdmitted = timed.columns.map(({ stream, rows }) => {
      const code = refusalOf(stream, streams, batch.isTimeAssigned && isOutsideWindow);
      if (code === null) streams.add(stream);
      else refused.push({ stream, code, count: rows.length });
      return code === null;
    });
    const kept = isAdmitted.every(Boolean)
      ? timed
      : select(timed, (column) => isAdmitted[column] === true);
    return kept.columns.length === 0 ? [] : [kept];
  });
  return { batches: admitted, refused };
}

function refusalOf(
  stream: string,
  streams: ReadonlySet<string>,
  isUndecidable: boolean,
): Refusal["code"] | null {
  // Neither the batch memory nor a time can tell whether this is a repetition.
  if (isUndecidable) return "time-required";
  return streams.has(stream) || streams.size < limits.streamsPerDeviceMax
    ? null
    : "too-many-streams";
}

function commit(
  command: IngestCommand,
  state: DeviceState,
  admitted: Admitted,
  stampMs: number,
  nowMs: number,
  store: HubStore,
): IngestOutcome {
  const checked = admitted.batches.map((batch) => checkReadings(batch, state, stampMs, store));
  const kept = checked.map((batch) => batch.kept).filter((batch) => batch.columns.length > 0);
  const fresh = checked.flatMap((batch) => freshReadings(batch.fresh));
  const duplicates = checked.reduce((sum, batch) => sum + batch.duplicates, 0);
  const conflicts = checked.reduce((sum, batch) => sum + batch.conflicts, 0);
  const folded = foldDevice(state, fresh, stampMs);
  const memory = remember(state.memory, command.identity, command.contentHash);
  if (kept.length > 0) {
    store.append(stampMs, encodeBatches(kept), kept.map(spanOf));
  }
  rollUp(command.device, folded, store);
  store.saveDevice(command.device, {
    memory,
    streams: folded.streams,
    duplicates: state.duplicates + duplicates,
    conflicts: state.conflicts + conflicts,
    late: state.late + folded.late,
    lastCommitMs: nowMs,
    longestSpanMs: Math.max(state.longestSpanMs, ...kept.map(spanMsOf)),
    clockSkewMs: skewOf(state.clockSkewMs, command.sentMs, nowMs),
  });
  const accepted = fresh.reduce((sum, readings) => sum + readings.times.length, 0);
  const { late, quarantined } = folded;
  const ackSeq = ackSeqOf(memory, command.identity);
  return {
    kind: "committed",
    accepted,
    duplicates,
    conflicts,
    late,
    quarantined,
    ackSeq,
    refused: admitted.refused,
  };
}

/** Folds into the minute aggregates what is not older than they are kept. */
function rollUp(device: DeviceId, folded: FoldedDevice, store: HubStore): void {
  if (folded.inside.length === 0) return;
  const newestMs = Math.max(...Object.values(folded.streams).map((stream) => stream.highWaterMs));
  const keptFromMs = newestMs - limits.rollupKeptMs;
  for (const [minuteMs, parts] of byMinute(folded.inside)) {
    if (minuteMs < keptFromMs) continue;
    store.saveRollup(device, minuteMs, foldMinute(store.loadRollup(device, minuteMs), parts));
  }
  store.dropRollups(device, keptFromMs);
}

function spanMsOf({ times }: ReadingBatch): number {
  return (times.at(-1) ?? 0) - (times[0] ?? 0);
}

interface FoldedDevice {
  readonly streams: Record<string, DeviceState["streams"][string]>;
  /** What is not quarantined. */
  readonly inside: readonly FreshReadings[];
  readonly late: number;
  readonly quarantined: number;
}

function foldDevice(
  state: DeviceState,
  fresh: readonly FreshReadings[],
  stampMs: number,
): FoldedDevice {
  const streams = { ...state.streams };
  const inside: FreshReadings[] = [];
  let late = 0;
  let quarantined = 0;
  for (const readings of fresh) {
    const before = streamOf(streams, readings.stream);
    const cut = readings.times.findIndex((timeMs) => isQuarantined(timeMs, stampMs));
    const count = cut === -1 ? readings.times.length : cut;
    const part = {
      ...readings,
      times: readings.times.slice(0, count),
      values: readings.values.slice(0, count),
    };
    late += part.times.filter((timeMs) => timeMs < before.highWaterMs - limits.latenessMs).length;
    quarantined += readings.times.length - count;
    streams[readings.stream] = {
      ...foldStream(before, part),
      quarantined: before.quarantined + readings.times.length - count,
      quarantineHighWaterMs: Math.max(
        before.quarantineHighWaterMs,
        cut === -1 ? 0 : (readings.times.at(-1) ?? 0),
      ),
    };
    if (count > 0) inside.push(part);
  }
  return { streams, inside, late, quarantined };
}

function freshReadings(batch: ReadingBatch): FreshReadings[] {
  return batch.columns.map(({ stream, kind, rows, values }) => ({
    stream,
    kind,
    times: rows.map((row) => batch.times[row] ?? 0),
    values,
  }));
}

/** Exponential smoothing by an eighth, as for round-trip times (RFC 6298). */
function skewOf(heldMs: number | null, sentMs: number | null, nowMs: number): number | null {
  if (sentMs === null) return heldMs;
  const skewMs = nowMs - sentMs;
  return heldMs === null ? skewMs : Math.round(heldMs + (skewMs - heldMs) / 8);
}
