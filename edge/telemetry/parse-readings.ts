// What does the body of a readings request say? Hand-written, because it runs for every request:
// columnar JSON (`series`), one row, an array of rows, or `{ "readings": [rows] }`.

import type { Problem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { BatchIdentity } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import {
  Cursor,
  escapePointer,
  isObject,
  isPlainKey,
  malformed,
  noReading,
  parseKey,
  tooMany,
  type ParsedReadings,
} from "./parsed-readings.ts";
import { ReadingCollector, type ValuePosition } from "./reading-collector.ts";
import { areTimes, parseTime } from "./time.ts";

export type { ParsedReadings };

type Json = Readonly<Record<string, unknown>>;

const BATCH_FIELDS = ["device", "boot", "seq", "sent"];
const COLUMNAR_FIELDS = [...BATCH_FIELDS, "t", "t0", "step", "series"];
const ROWS_FIELDS = [...BATCH_FIELDS, "readings"];
const ROW_FIELDS = ["stream", "value", "time"];

/**
 * Parses a readings body that is already JSON.
 *
 * @param device The device of the path; a body that names another is refused.
 * @param key The Idempotency-Key, or null.
 * @returns The readings, or the problem (400, 413) if the request as a whole is wrong.
 */
export function parseReadings(
  body: unknown,
  device: string,
  key: string | null,
): Result<ParsedReadings, Problem> {
  if (Array.isArray(body)) return parseRows({}, body, "", key);
  if (!isObject(body))
    return err(malformed("", "The body is a JSON object or an array of readings"));
  if (body["device"] !== undefined && body["device"] !== device) {
    return err(
      malformed(
        "/device",
        `The path says device "${device}": leave the field out, or send the same`,
      ),
    );
  }
  if ("series" in body) return parseColumnar(body, key);
  if ("readings" in body) {
    if (!Array.isArray(body["readings"]))
      return err(malformed("/readings", "readings is an array of { stream, value, time }"));
    return unknownField(body, ROWS_FIELDS) ?? parseRows(body, body["readings"], "/readings", key);
  }
  if ("stream" in body) {
    const { device: _device, boot: _boot, seq: _seq, sent: _sent, ...row } = body;
    return parseRows(body, [row], null, key);
  }
  return err(
    malformed(
      "",
      'The body has "series" (columns), "readings" (rows), or is one { "stream", "value", "time" }',
    ),
  );
}

function parseRows(
  batch: Json,
  rows: readonly unknown[],
  base: string | null,
  key: string | null,
): Result<ParsedReadings, Problem> {
  const identity = parseIdentity(batch, key);
  if (!identity.ok) return identity;
  if (rows.length > limits.readingsPerRequestMax) return err(tooMany());
  const readings = new ReadingCollector(identity.value.kind !== "none");
  const cursor = new Cursor(base ?? "");
  const at = base === null ? { pointer: "", index: 0 } : cursor;
  for (const row of rows) {
    takeRow(readings, row, at);
    cursor.index += 1;
  }
  return finish(batch, identity.value, readings, rows.length);
}

/** Takes one `{ stream, value, time }`. */
export function takeRow(readings: ReadingCollector, row: unknown, at: ValuePosition): void {
  if (!isObject(row)) {
    return readings.reject("reading-type", "A reading is { stream, value, time }", at, null);
  }
  const odd = Object.keys(row).find((name) => !ROW_FIELDS.includes(name));
  if (odd !== undefined) {
    const message = `A reading has stream, value and time, not "${odd.slice(0, 40)}"`;
    return readings.reject("unknown-field", message, at, row["stream"]);
  }
  const { time = null } = row;
  readings.take(row["stream"], row["value"], time === null ? null : (parseTime(time) ?? "bad"), at);
}

function parseColumnar(body: Json, key: string | null): Result<ParsedReadings, Problem> {
  const odd = unknownField(body, COLUMNAR_FIELDS);
  if (odd !== null) return odd;
  const identity = parseIdentity(body, key);
  if (!identity.ok) return identity;
  const series = body["series"];
  if (!isObject(series))
    return err(malformed("/series", "series is an object of stream to array of values"));
  const columns = Object.entries(series);
  const problem = shapeProblem(columns);
  if (problem !== null) return err(problem);
  const times = parseTimes(body, columns);
  if (!times.ok) return times;
  const readings = new ReadingCollector(identity.value.kind !== "none");
  let count = 0;
  for (const [stream, values] of columns as [string, unknown[]][]) {
    const pointer = `/series/${escapePointer(stream)}`;
    if (times.value.length !== values.length) {
      return err(
        malformed(
          pointer,
          `The column has ${values.length} values for ${times.value.length} times: use null for a value that is absent`,
        ),
      );
    }
    count += readings.takeColumn(stream, values, times.value, new Cursor(pointer));
  }
  return finish(body, identity.value, readings, count);
}

function shapeProblem(columns: readonly [string, unknown][]): Problem | null {
  let rows = 0;
  for (const [stream, values] of columns) {
    if (!Array.isArray(values)) {
      return malformed(`/series/${escapePointer(stream)}`, "A column is an array of values");
    }
    rows += values.length;
  }
  if (rows <= limits.readingsPerRequestMax) return null;
  let cells = 0;
  for (const [, values] of columns as [string, unknown[]][])
    for (const value of values) if (value !== null) cells += 1;
  return cells > limits.readingsPerRequestMax ? tooMany() : null;
}

/** The time of each row: given, computed from t0 and step, or null for one row without a time. */
function parseTimes(
  body: Json,
  columns: readonly [string, unknown][],
): Result<readonly (number | null | "bad")[], Problem> {
  const first = columns[0]?.[1];
  const rows = Array.isArray(first) ? first.length : 0;
  if (body["t"] !== undefined) {
    if (body["t0"] !== undefined || body["step"] !== undefined) {
      return err(malformed("/t0", "Give either t, or t0 and step"));
    }
    if (!Array.isArray(body["t"])) return err(malformed("/t", "t is an array of times"));
    if (body["t"].length > limits.readingsPerRequestMax) return err(tooMany());
    const given: unknown[] = body["t"];
    return ok(areTimes(given) ? given : given.map((time) => parseTime(time) ?? "bad"));
  }
  if (body["t0"] !== undefined || body["step"] !== undefined) return parseSteps(body, rows);
  if (rows > 1) return err(malformed("", "Give the times of the values: t, or t0 and step"));
  return ok(Array.from({ length: rows }, () => null));
}

function parseSteps(body: Json, rows: number): Result<(number | "bad")[], Problem> {
  const t0 = parseTime(body["t0"]);
  const step = body["step"];
  if (t0 === null) {
    return err(malformed("/t0", "t0 is the first time: epoch milliseconds or RFC 3339 text"));
  }
  if (typeof step !== "number" || !Number.isInteger(step) || step < 1) {
    const message = "step is the whole number of milliseconds between two values, from 1";
    return err(malformed("/step", message));
  }
  return ok(Array.from({ length: rows }, (_, row) => parseTime(t0 + row * step) ?? "bad"));
}

function finish(
  body: Json,
  identity: BatchIdentity,
  readings: ReadingCollector,
  count: number,
): Result<ParsedReadings, Problem> {
  if (count === 0) return err(noReading());
  const sent = body["sent"];
  const sentMs = sent === undefined ? null : parseTime(sent);
  if (sent !== undefined && sentMs === null)
    return err(
      malformed("/sent", "sent is the device's clock: epoch milliseconds or RFC 3339 text"),
    );
  return ok({ identity, sentMs, readings, isRelative: false });
}

function parseIdentity(body: Json, key: string | null): Result<BatchIdentity, Problem> {
  const { boot, seq } = body as { boot?: unknown; seq?: unknown };
  if (boot === undefined && seq === undefined) {
    return parseKey(key);
  }
  const name = typeof boot === "number" && Number.isSafeInteger(boot) ? String(boot) : boot;
  if (typeof name !== "string" || !isPlainKey(name)) {
    return err(
      malformed(
        "/boot",
        `boot is the id the device drew when it started: text of 1 to ${limits.batchKeyCharsMax} printable characters, or a whole number; it goes with seq`,
      ),
    );
  }
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) {
    return err(
      malformed(
        "/seq",
        "seq numbers the batches of a boot: a whole number from 1; it goes with boot",
      ),
    );
  }
  return ok({ kind: "boot", boot: name, seq });
}

function unknownField(
  body: Json,
  known: readonly string[],
): { readonly ok: false; readonly error: Problem } | null {
  const odd = Object.keys(body).find((name) => !known.includes(name));
  if (odd === undefined) return null;
  const pointer = `/${escapePointer(odd)}`.slice(0, 80);
  return err(
    malformed(
      pointer,
      `There is no field "${odd.slice(0, 40)}" here; known are ${known.join(", ")}`,
    ),
  ) as { ok: false; error: Problem };
}
