// What happens to a batch of readings inside the hub? Top to bottom: recall the batch, check the
// readings, fold, stage. All of it in one synchronous turn, in memory; whoever calls it answers once
// what was staged is on disk (P1).

import type { DeviceId } from "../sync/brand.ts";
import {
  decodeBatches,
  readingsOf,
  type BatchIdentity,
  type ReadingBatch,
} from "../sync/wire/batch.ts";
import { assert } from "../sync/assert.ts";
import { countFresh, selectReadings, type Committed } from "./journal/committed.ts";
import { partsOfEntry, type EncodedParts } from "./journal/slot-note.ts";
import { admissionOf, DEFAULT_QUOTA, type Admission } from "./buffer/quota.ts";
import { limits } from "./limits.ts";
import type { HubStore } from "./ports.ts";
import type { Watch } from "./rules/watch.ts";
import { ackSeqOf, recall } from "./telemetry/batch-memory.ts";
import { NEW_DEVICE, streamOf, type DeviceState } from "./telemetry/device-state.ts";
import { foldCommitted } from "./telemetry/fold-committed.ts";
import { checkReadings, heldTimes } from "./telemetry/reading-check.ts";

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
  /** What counts against the device's rate; left out: nothing does. */
  readonly rate?: ReadingRate;
}

/** Readings of a batch, and how many a second the credential allows; null: as the deployment does. */
export interface ReadingRate {
  readonly readings: number;
  readonly perS: number | null;
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
      /** The share of the buffer's quota that is used, once it is to be announced. */
      readonly buffer?: number;
    }
  /** Everything had to be refused, or something and it is strict: nothing is stored. */
  | { readonly kind: "refused"; readonly refused: readonly Refusal[] }
  | { readonly kind: "sequence-reused" }
  /** There is no room, or soon none: come back after so many seconds. */
  | { readonly kind: "buffer-full" | "buffer-high"; readonly waitS: number; readonly fill: number }
  | { readonly kind: "hub-full" }
  /** The device has sent more than it may; the hub says so before it looks at the batch. */
  | { readonly kind: "rate-limited"; readonly what: string; readonly waitMs: number };

/** Readings that the hub could not take, by stream. */
export interface Refusal {
  readonly stream: string;
  readonly code: "too-many-streams" | "time-required";
  readonly count: number;
}

/**
 * Stages a batch, or says why not. What `store` has staged is held once it is written.
 *
 * @param admission What the buffer has room for; a batch that is held already needs none.
 * @param batches What the command's entry holds, if the caller has just encoded it.
 * @param watch Told of what is staged, before it is written: what it stores is written with it.
 */
export function ingest(
  command: IngestCommand,
  store: HubStore,
  nowMs: number,
  admission: Admission = admissionTo(store, nowMs),
  batches: readonly ReadingBatch[] = batchesOf(command.entry),
  watch?: Watch,
): IngestOutcome {
  const known = store.loadDevice(command.device);
  const state = known ?? NEW_DEVICE;
  const memory = recall(state.memory, command.identity, command.contentHash);
  if (memory.kind === "reused") return { kind: "sequence-reused" };
  if (memory.kind === "repeated") return repeated(batches, state, command.identity);
  const noRoom = roomFor(known, store, admission);
  if (noRoom !== null) return noRoom;
  const stampMs = store.stampFor(nowMs);
  const assignedMs = freeTime(command.device, batches, state, stampMs, store);
  const admitted = admit(batches, state, assignedMs, memory.kind === "outside-window");
  const encoded = partsOfEntry(command.entry, batches);
  const { refused } = admitted;
  if (refused.length > 0 && (command.isStrict || admitted.batches.length === 0))
    return { kind: "refused", refused };
  const outcome = commit(command, state, admitted, stampMs, nowMs, store, encoded, watch);
  return announce(outcome, admission);
}

function batchesOf(entry: Uint8Array): readonly ReadingBatch[] {
  const decoded = decodeBatches(entry);
  assert(decoded.ok, "The Worker encodes batches that decode");
  return decoded.value;
}

function roomFor(
  known: DeviceState | null,
  store: HubStore,
  admission: Admission,
): IngestOutcome | null {
  if (admission.kind === "buffer-full" || admission.kind === "buffer-high") return admission;
  const isHubFull = known === null && store.deviceCount() >= limits.devicesPerHubMax;
  return isHubFull ? { kind: "hub-full" } : null;
}

function announce(outcome: IngestOutcome, { fill }: Admission): IngestOutcome {
  const isQuiet = outcome.kind !== "committed" || fill < limits.bufferAnnounceShare;
  return isQuiet ? outcome : { ...outcome, buffer: fill };
}

/** What a buffer of the usual quota has room for. */
function admissionTo(store: HubStore, nowMs: number): Admission {
  const use = { bytes: store.unackedBytes(), oldestMs: null };
  return admissionOf(use, DEFAULT_QUOTA, nowMs, 0, 1);
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
  if (timeless.length === 0) return stampMs;
  const streams = timeless.flatMap(({ columns }) => columns.map(({ stream }) => stream));
  const marks = streams.map((stream) => streamOf(state.streams, stream).highWaterMs);
  const markMs = Math.max(0, ...marks);
  const held = markMs < stampMs ? [] : heldTimes(device, [stampMs, markMs], store);
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
    const kept = withColumns(timed, isAdmitted);
    return kept.columns.length === 0 ? [] : [kept];
  });
  return { batches: admitted, refused };
}

function withColumns(batch: ReadingBatch, isAdmitted: readonly boolean[]): ReadingBatch {
  if (isAdmitted.every(Boolean)) return batch;
  const admitted = batch.columns.flatMap(({ rows }, at) => rows.map(() => isAdmitted[at] === true));
  return selectReadings(batch, (position) => admitted[position] === true);
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
  encoded: EncodedParts,
  watch: Watch | undefined,
): IngestOutcome {
  const { device, identity, contentHash, sentMs } = command;
  const checked = admitted.batches.map((batch) => checkReadings(batch, state, stampMs, store));
  const committed: Committed = {
    device,
    identity,
    contentHash,
    arrivedMs: nowMs,
    sentMs,
    duplicates: checked.reduce((sum, batch) => sum + batch.duplicates, 0),
    kept: checked.map(({ kept }) => kept).filter(({ batch }) => batch.columns.length > 0),
  };
  const folded = foldCommitted(state, committed, stampMs);
  store.stage(stampMs, committed, folded.state, encoded);
  watch?.observe(committed, state, folded.state, stampMs);
  const { late, quarantined } = folded;
  return {
    kind: "committed",
    accepted: countFresh(committed),
    duplicates: committed.duplicates,
    conflicts: committed.kept.reduce((sum, { conflicts }) => sum + conflicts.length, 0),
    late,
    quarantined,
    ackSeq: ackSeqOf(folded.state.memory, identity),
    refused: admitted.refused,
  };
}
