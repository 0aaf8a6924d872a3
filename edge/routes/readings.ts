// POST /v1/devices/{device}/readings: from HTTP to the hub's command, and from its outcome back.

import { readBody } from "../../doors/read-body.ts";
import type { RequestScope } from "../../doors/access-log.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem, ProblemItem } from "../../http/problem.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { encodeBatches } from "../../sync/wire/batch.ts";
import type { IngestCommand, IngestOutcome, Refusal } from "../ingest.ts";
import { limits } from "../limits.ts";
import {
  buildBatches,
  contentOf,
  withContentHash,
  type BuiltBatches,
} from "../telemetry/build-batches.ts";
import { parseReadings } from "../telemetry/parse-readings.ts";
import { TOO_MANY_STREAMS, type ReadingCollector } from "../telemetry/reading-collector.ts";

/** A request that is good enough to reach the hub. */
export interface ReadIngest {
  readonly command: IngestCommand;
  readonly built: BuiltBatches;
  readonly readings: ReadingCollector;
}

/** Reads, parses, validates and encodes a request; the problem says what is wrong with all of it. */
export async function readIngest(
  request: Request,
  device: DeviceId,
): Promise<Result<ReadIngest, Problem>> {
  const body = await readJson(request);
  if (!body.ok) return body;
  const parsed = parseReadings(body.value, device, request.headers.get("idempotency-key"));
  if (!parsed.ok) return parsed;
  const { identity, sentMs, readings } = parsed.value;
  const isStrict = /(^|[\s,;])handling=strict($|[\s,;])/i.test(request.headers.get("prefer") ?? "");
  const built = buildBatches(device, identity, readings);
  if (built.batches.length === 0 || (isStrict && readings.rejected > 0)) {
    return err(unprocessable(readings.rejected, readings.errors, isStrict));
  }
  const contentHash = await hashOf(contentOf(built.batches));
  const entry = encodeBatches(withContentHash(built.batches, contentHash));
  return ok({
    command: { device, identity, contentHash, entry, sentMs, isStrict },
    built,
    readings,
  });
}

/** Formats what the hub did. 200 only for what is on disk. */
export function answerIngest(
  read: ReadIngest,
  outcome: IngestOutcome,
  region: string,
  scope: RequestScope,
): Response {
  switch (outcome.kind) {
    case "sequence-reused":
      return problemResponse(SEQUENCE_REUSED);
    case "buffer-full":
      return problemResponse(
        full(
          "buffer-full",
          "The buffer is full until the origin has taken what it holds: keep the readings and send them again later",
        ),
      );
    case "hub-full":
      return problemResponse(
        full(
          "hub-full",
          "This hub serves as many devices as it may: keep the readings; more hubs are to be configured",
        ),
      );
    case "refused":
      return problemResponse(
        unprocessable(
          read.readings.rejected + countOf(outcome.refused),
          errorsOf(read, outcome.refused),
          read.command.isStrict,
        ),
      );
    case "committed":
      return committed(read, outcome, region, scope);
  }
}

function committed(
  read: ReadIngest,
  outcome: Extract<IngestOutcome, { kind: "committed" }>,
  region: string,
  scope: RequestScope,
): Response {
  const { readings, built } = read;
  const errors = errorsOf(read, outcome.refused);
  const answer = {
    accepted: outcome.accepted,
    duplicates: outcome.duplicates + built.duplicates,
    conflicts: outcome.conflicts + built.conflicts,
    rejected: readings.rejected + countOf(outcome.refused),
    late: outcome.late,
    quarantined: outcome.quarantined,
    ackSeq: outcome.ackSeq,
    durable: true,
    region,
    errors,
  };
  Object.assign(scope.fields, {
    accepted: answer.accepted,
    duplicates: answer.duplicates,
    rejected: answer.rejected,
  });
  if (answer.accepted + answer.duplicates + answer.conflicts === 0)
    return problemResponse(unprocessable(answer.rejected, errors, false));
  return jsonResponse(answer);
}

async function readJson(request: Request): Promise<Result<unknown, Problem>> {
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    return err(
      unsupported(`Send Content-Type: application/json; this is "${(type ?? "").slice(0, 80)}"`),
    );
  const body = await readBody(request, limits.bodyBytesMax);
  switch (body.kind) {
    case "too-large":
      return err(TOO_LARGE);
    case "broken-gzip":
      return err(
        malformed("gzip", "Content-Encoding says gzip, but the body is not whole gzip data"),
      );
    case "aborted":
      return err(malformed("body", "The body ended early"));
    case "unknown-encoding":
      return err(
        unsupported(`Content-Encoding is gzip or none, not "${body.encoding.slice(0, 80)}"`),
      );
    case "bytes":
      return parseJson(body.bytes);
  }
}

function parseJson(bytes: Uint8Array): Result<unknown, Problem> {
  try {
    return ok(
      JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes)),
    );
  } catch (error) {
    return err(
      malformed(
        "json",
        `The body is not JSON in UTF-8: ${error instanceof Error ? error.message.slice(0, 200) : ""}`,
      ),
    );
  }
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
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

function malformed(code: string, detail: string): Problem {
  return { code: `malformed-${code}`, status: 400, title: "Malformed request", detail };
}

function unsupported(detail: string): Problem {
  return {
    code: "unsupported-media-type",
    status: 415,
    title: "Unsupported media type",
    detail,
    headers: { "accept-encoding": "gzip" },
  };
}

function full(code: string, detail: string): Problem {
  return {
    code,
    status: 503,
    title: "Full",
    detail,
    headers: { "retry-after": String(limits.bufferRetryAfterS) },
  };
}

const SEQUENCE_REUSED: Problem = {
  code: "sequence-reused",
  status: 409,
  title: "Sequence reused",
  detail:
    "Another batch was stored under this name (boot and seq, or Idempotency-Key): draw a new boot when the device starts and number its batches 1, 2, 3, ..., or a new key for each batch",
};

const TOO_LARGE: Problem = {
  code: "too-large",
  status: 413,
  title: "Too large",
  detail: `A request has at most ${limits.bodyBytesMax} bytes, also after gunzip: split it`,
};
