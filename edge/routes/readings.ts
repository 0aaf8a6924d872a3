// POST /v1/devices/{device}/readings: from HTTP to the hub's command, and from its outcome back.

import type { RequestScope } from "../../doors/access-log.ts";
import type { Identity } from "../../doors/claims.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem, ProblemItem } from "../../http/problem.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { encodeWithPlaces, readingsOf, withHash } from "../../sync/wire/batch.ts";
import type { IngestCommand, IngestOutcome, Refusal } from "../ingest.ts";
import { limits } from "../limits.ts";
import { buildBatches, type BuiltBatches } from "../telemetry/build-batches.ts";
import { parseCsv } from "../telemetry/parse-csv.ts";
import { parseNdjson } from "../telemetry/parse-ndjson.ts";
import { parseReadings } from "../telemetry/parse-readings.ts";
import { parseSenml } from "../telemetry/parse-senml.ts";
import { malformed, type ParsedReadings } from "../telemetry/parsed-readings.ts";
import { TOO_MANY_STREAMS, type ReadingCollector } from "../telemetry/reading-collector.ts";
import type { AdmittedReadings } from "./admit-readings.ts";
import { announced, noRoom, shareOf } from "./buffer-answer.ts";
import { tooManyReadings } from "./rate-problems.ts";
import {
  contentHashOf,
  decodeJson,
  decodeText,
  isStrict,
  JSON_TYPE,
  mediaTypeOf,
  readPayload,
  unsupported,
} from "./ingest-body.ts";

/** A request that is good enough to reach the hub. */
export interface ReadIngest {
  readonly command: IngestCommand;
  readonly built: BuiltBatches;
  readonly readings: ReadingCollector;
}

/** What became of a batch that is on disk. */
export interface IngestAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly late: number;
  readonly quarantined: number;
  readonly ackSeq: number | null;
  readonly durable: true;
  readonly region: string;
  /** The share of the buffer's quota that is used, from 0.70 on. */
  readonly buffer?: number;
  readonly errors: readonly ProblemItem[];
}

type Parse = (
  body: Uint8Array,
  device: DeviceId,
  key: string | null,
  nowMs: number,
) => Result<ParsedReadings, Problem>;

/** The forms of this door, by their media types. */
const FORMS: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  [JSON_TYPE, ofJson((json, device, key) => parseReadings(json, device, key))],
  ["application/senml+json", ofJson(parseSenml)],
  ["application/x-ndjson", ofText(parseNdjson)],
  ["text/csv", ofText(parseCsv)],
]);

/** Reads, parses, validates and encodes a request; the problem says what is wrong with all of it. */
export async function readIngest(
  { request, named, identity }: AdmittedReadings,
  device: DeviceId,
  nowMs: number,
): Promise<Result<ReadIngest, Problem>> {
  const type = mediaTypeOf(request);
  const parse = FORMS.get(type);
  if (parse === undefined) return err(unsupported(FORMS.keys(), type));
  const body = await readPayload(request);
  if (!body.ok) return body;
  // A key that is not signed must not name what a signature does.
  const key = named === null ? request.headers.get("idempotency-key") : SIGNED;
  const parsed = parse(body.value, device, key, nowMs);
  if (!parsed.ok) return parsed;
  const own = named === null ? parsed : nameAsSigned(parsed.value, named);
  if (!own.ok) return own;
  return encodeIngest(device, own.value, isStrict(request), body.value, identity);
}

/** Stands for the name that the signature gives, while the body is parsed. */
const SIGNED = "signed";

/** Names a batch as its signature does; a body may say the same, and nothing else. */
function nameAsSigned(
  parsed: ParsedReadings,
  named: NonNullable<AdmittedReadings["named"]>,
): Result<ParsedReadings, Problem> {
  const { identity } = parsed;
  const isSame =
    identity.kind !== "boot" || (identity.boot === named.boot && identity.seq === named.seq);
  if (isSame) return ok({ ...parsed, identity: named });
  return err(malformed("/seq", "boot and seq are not those that were signed: leave them out"));
}

/** Encodes one device's readings for its hub; `body` is what they came in. */
export async function encodeIngest(
  device: DeviceId,
  { identity, sentMs, readings, isRelative }: ParsedReadings,
  isStrict: boolean,
  body: Uint8Array,
  poster: Identity,
): Promise<Result<ReadIngest, Problem>> {
  if (poster.kind === "device" && poster.prefixes !== null) readings.keepOnly(poster.prefixes);
  const built = buildBatches(device, identity, readings);
  if (built.batches.length === 0 || (isStrict && readings.rejected > 0)) {
    return err(unprocessable(readings.rejected, readings.errors, isStrict));
  }
  // What is hashed is the entry with hashes of 0, so that it is encoded once.
  const content = encodeWithPlaces(built.batches);
  const contentHash = await contentHashOf(isRelative ? body : content.bytes);
  const entry = withHash(content, contentHash);
  const rate = {
    readings: built.batches.reduce((sum, batch) => sum + readingsOf(batch), 0),
    perS: poster.kind === "device" ? poster.rate : null,
  };
  return ok({
    command: { device, identity, contentHash, entry, sentMs, isStrict, rate },
    built,
    readings,
  });
}

function ofJson(
  parse: (
    json: unknown,
    device: DeviceId,
    key: string | null,
    nowMs: number,
  ) => Result<ParsedReadings, Problem>,
): Parse {
  return (body, device, key, nowMs) => {
    const json = decodeJson(body);
    return json.ok ? parse(json.value, device, key, nowMs) : json;
  };
}

function ofText(
  parse: (text: string, key: string | null) => Result<ParsedReadings, Problem>,
): Parse {
  return (body, _device, key) => {
    const text = decodeText(body);
    return text.ok ? parse(text.value, key) : text;
  };
}

/** Says what the hub did. An answer only for what is on disk. */
export function settleIngest(
  read: ReadIngest,
  outcome: IngestOutcome,
  region: string,
): Result<IngestAnswer, Problem> {
  switch (outcome.kind) {
    case "sequence-reused":
      return err(SEQUENCE_REUSED);
    case "buffer-full":
    case "buffer-high":
      return err(noRoom(outcome));
    case "hub-full":
      return err(HUB_FULL);
    case "rate-limited":
      return err(tooManyReadings(outcome.what, outcome.waitMs));
    case "refused":
      return err(
        unprocessable(
          read.readings.rejected + countOf(outcome.refused),
          errorsOf(read, outcome.refused),
          read.command.isStrict,
        ),
      );
    case "committed":
      return committed(read, outcome, region);
  }
}

/** Answers with what the hub did. */
export function answerIngest(
  read: ReadIngest,
  outcome: IngestOutcome,
  region: string,
  scope: RequestScope,
): Response {
  const settled = settleIngest(read, outcome, region);
  if (!settled.ok) return problemResponse(settled.error);
  const { accepted, duplicates, rejected } = settled.value;
  Object.assign(scope.fields, { accepted, duplicates, rejected });
  return announced(jsonResponse(settled.value), settled.value.buffer);
}

function committed(
  read: ReadIngest,
  outcome: Extract<IngestOutcome, { kind: "committed" }>,
  region: string,
): Result<IngestAnswer, Problem> {
  const { readings, built } = read;
  const errors = errorsOf(read, outcome.refused);
  const duplicates = outcome.duplicates + built.duplicates;
  const conflicts = outcome.conflicts + built.conflicts;
  const rejected = readings.rejected + countOf(outcome.refused);
  if (outcome.accepted + duplicates + conflicts === 0)
    return err(unprocessable(rejected, errors, false));
  const { accepted, late, quarantined, ackSeq } = outcome;
  const counts = { accepted, duplicates, conflicts, rejected, late, quarantined };
  const fill = outcome.buffer === undefined ? {} : { buffer: shareOf(outcome.buffer) };
  return ok({ ...counts, ackSeq, durable: true, region, ...fill, errors });
}

const REFUSALS: Record<Refusal["code"], string> = {
  "too-many-streams": TOO_MANY_STREAMS,
  "time-required":
    "This batch is too old for its number to tell whether it was sent before: give its readings their times",
};

/** Lists what was wrong with the request, then what the hub could not take. */
function errorsOf(read: ReadIngest, refused: readonly Refusal[]): ProblemItem[] {
  const items = refused.map(({ stream, code, count }) => ({
    pointer: "",
    stream,
    code,
    message: `${REFUSALS[code]} (${count} readings)`,
  }));
  return [...read.readings.errors, ...items].slice(0, limits.errorsListedMax);
}

function countOf(refused: readonly Refusal[]): number {
  return refused.reduce((sum, refusal) => sum + refusal.count, 0);
}

function unprocessable(
  rejected: number,
  errors: readonly ProblemItem[],
  isStrict: boolean,
): Problem {
  const what = rejected === 1 ? "1 reading is wrong" : `${rejected} readings are wrong`;
  const why = isStrict ? "Prefer: handling=strict stores all or nothing" : "there is no other";
  const detail = `${what}, and ${why}: nothing is stored`;
  return { code: "unprocessable", status: 422, title: "Readings not stored", detail, errors };
}

const SEQUENCE_REUSED: Problem = {
  code: "sequence-reused",
  status: 409,
  title: "Sequence reused",
  detail:
    "Another batch was stored under this name (boot and seq, or Idempotency-Key): draw a new boot when the device starts and number its batches 1, 2, 3, ..., or a new key for each batch",
};

const HUB_FULL: Problem = {
  code: "hub-full",
  status: 503,
  title: "Full",
  detail:
    "This hub serves as many devices as it may: keep the readings; more hubs are to be configured",
  headers: { "retry-after": String(limits.hubFullRetryAfterS) },
};
