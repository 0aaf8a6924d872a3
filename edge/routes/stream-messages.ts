// How do the messages of a stream become the hub's commands, and its outcomes one answer? By the
// parser, the encoder and the outcomes of the readings door, so that both doors mean the same.

import type { Identity } from "../../doors/claims.ts";
import { formatProblem, type Problem, type ProblemItem } from "../../http/problem.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { readingsOf, type BatchIdentity } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import { collect, decodeBinary, entryOf, type BinaryBatch } from "../stream/binary-message.ts";
import { parseReadings } from "../telemetry/parse-readings.ts";
import type { ParsedReadings } from "../telemetry/parsed-readings.ts";
import { ReadingCollector } from "../telemetry/reading-collector.ts";
import { contentHashOf, parseJson } from "./ingest-body.ts";
import { encodeIngest, type IngestAnswer, type ReadIngest } from "./readings.ts";

/** A message that was parsed, or why it cannot be. */
export type ParsedMessage =
  | { readonly kind: "columns"; readonly parsed: ParsedReadings }
  | { readonly kind: "binary"; readonly binary: BinaryBatch }
  | { readonly kind: "wrong"; readonly problem: Problem };

/** What became of one message. */
export interface MessageResult {
  /** Counted from 1 in this stream. */
  readonly message: number;
  readonly identity: BatchIdentity;
  readonly settled: Result<IngestAnswer, Problem>;
}

/** Parses a message with readings. */
export function parseMessage(data: string | Uint8Array, device: DeviceId): ParsedMessage {
  if (typeof data !== "string") {
    const binary = decodeBinary(data, device);
    return binary.ok ? { kind: "binary", binary: binary.value } : wrong(binary.error);
  }
  const json = parseJson(data);
  if (!json.ok) return wrong(json.error);
  const parsed = parseReadings(json.value, device, null);
  return parsed.ok ? { kind: "columns", parsed: parsed.value } : wrong(parsed.error);
}

/** Encodes a message for the hub. */
export async function encodeMessage(
  message: ParsedMessage,
  device: DeviceId,
  isStrict: boolean,
  poster: Identity,
): Promise<Result<ReadIngest, Problem>> {
  switch (message.kind) {
    case "wrong":
      return err(message.problem);
    case "columns":
      return encodeIngest(device, message.parsed, isStrict, NO_BODY, poster);
    case "binary":
      return message.binary.isClean && (poster.kind !== "device" || poster.prefixes === null)
        ? encodeClean(message.binary, device, isStrict, poster)
        : encodeIngest(device, collect(message.binary), isStrict, NO_BODY, poster);
  }
}

/** The readings are in canonical form already: only their hash is missing. */
async function encodeClean(
  binary: BinaryBatch,
  device: DeviceId,
  isStrict: boolean,
  poster: Identity,
): Promise<Result<ReadIngest, Problem>> {
  const { batch, sentMs } = binary;
  const { identity } = batch;
  const contentHash = await contentHashOf(binary.content);
  const entry = entryOf(binary, contentHash);
  const perS = poster.kind === "device" ? poster.rate : null;
  const rate = { readings: readingsOf(batch), perS };
  return ok({
    command: { device, identity, contentHash, entry, sentMs, isStrict, rate },
    built: { batches: [batch], duplicates: 0, conflicts: 0 },
    readings: new ReadingCollector(identity.kind !== "none"),
  });
}

/**
 * Writes the one answer to several messages: the sums of what is stored, and a result for each
 * message with something wrong, or for all.
 */
export function formatAnswer(
  results: readonly MessageResult[],
  region: string,
  hasAllResults: boolean,
): string {
  const sums = { accepted: 0, duplicates: 0, conflicts: 0, rejected: 0, late: 0, quarantined: 0 };
  let held: { readonly ack: number | null; readonly boot: string | null } = NO_BOOT;
  let room: number = limits.errorsListedMax;
  const told: object[] = [];
  let buffer: number | undefined;
  for (const { message, identity, settled } of results) {
    if (settled.ok) {
      for (const name of COUNTS) sums[name] += settled.value[name];
      buffer = settled.value.buffer ?? buffer;
      if (identity.kind === "boot") held = { ack: settled.value.ackSeq, boot: identity.boot };
      if (settled.value.rejected === 0 && !hasAllResults) continue;
    }
    const body = bodyOf(settled);
    const errors = body.errors.slice(0, room);
    room -= errors.length;
    const seq = identity.kind === "boot" ? identity.seq : null;
    told.push({ message, seq, ...body, errors });
  }
  const messages = results.at(-1)?.message ?? 0;
  return JSON.stringify({
    ...held,
    messages,
    ...sums,
    durable: true,
    region,
    buffer,
    results: told,
  });
}

const NO_BOOT = { ack: null, boot: null };
const COUNTS = ["accepted", "duplicates", "conflicts", "rejected", "late", "quarantined"] as const;
const NO_BODY = new Uint8Array(0);

interface Body {
  readonly status: number;
  readonly retryAfterS?: number;
  readonly errors: readonly ProblemItem[];
}

function bodyOf(settled: Result<IngestAnswer, Problem>): Body {
  if (settled.ok) return { status: 200, ...settled.value };
  const { status, headers } = settled.error;
  const retryAfterS = headers?.["retry-after"];
  return {
    ...(JSON.parse(formatProblem(settled.error)) as object),
    status,
    ...(retryAfterS === undefined ? {} : { retryAfterS: Number(retryAfterS) }),
    errors: settled.error.errors ?? [],
  };
}

function wrong(problem: Problem): ParsedMessage {
  return { kind: "wrong", problem };
}
