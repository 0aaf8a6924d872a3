// What does a request for readings ask? Its parameters, each checked, and what is wrong with one said
// with what it may be.

import type { Problem, ProblemItem } from "../../http/problem.ts";
import { parseStreamName, type DeviceId, type StreamName } from "../../sync/brand.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";
import { parseNumberText } from "../telemetry/number-text.ts";
import { parseTime } from "../telemetry/time.ts";
import { parseCursor, type Question } from "./cursor.ts";
import type { Resolution } from "../ports.ts";
import { RESOLUTIONS, type HistoryQuery, type Position } from "./query.ts";

/** What an answer is written as. */
export type HistoryFormat = "json" | "csv";

/** A request's question; `format` is null if it has to be found in the Accept field. */
export interface AskedHistory {
  readonly query: HistoryQuery;
  readonly format: HistoryFormat | null;
}

type Parameters = ReadonlyMap<string, readonly string[]>;

const NAMES = ["stream", "from", "to", "resolution", "limit", "cursor", "format", "quarantined"];

const TIME =
  "is RFC 3339, such as 2026-01-31T12:00:00Z (write + as %2B), or epoch milliseconds; a number that is seconds by its size is neither";

/** Parses the parameters of a query, in order; the problem names each that is wrong. */
export function parseHistoryQuery(
  device: DeviceId,
  parameters: Iterable<readonly [name: string, value: string]>,
): Result<AskedHistory, Problem> {
  const wrong: ProblemItem[] = [];
  const byName = group(parameters, wrong);
  const one = (name: string): string | null => oneOf(byName, name, wrong);
  const question: Question = {
    device,
    streams: streamsOf(byName.get("stream") ?? [], wrong),
    fromMs: timeOf("from", one("from"), 0, wrong),
    toMs: timeOf("to", one("to"), TIME_MS_MAX + 1, wrong),
    resolution: resolutionOf(one("resolution"), wrong),
    isWithQuarantined: flagOf("quarantined", one("quarantined"), wrong),
  };
  const limit = limitOf(one("limit"), wrong);
  const format = formatOf(one("format"), wrong);
  checkTogether(question, wrong);
  const after = wrong.length > 0 ? null : afterOf(question, one("cursor"), wrong);
  if (wrong.length > 0) return err(malformedQuery(wrong));
  return ok({ query: { ...question, limit, after }, format });
}

/** Says 400 with every parameter that is wrong. */
export function malformedQuery(errors: readonly ProblemItem[]): Problem {
  return {
    code: "malformed-query",
    status: 400,
    title: "Malformed query",
    detail: errors.map(({ message }) => message).join("; "),
    errors: errors.slice(0, limits.errorsListedMax),
  };
}

function group(
  parameters: Iterable<readonly [string, string]>,
  wrong: ProblemItem[],
): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const [name, value] of parameters) {
    const held = byName.get(name);
    if (held !== undefined) held.push(value);
    else byName.set(name, [value]);
  }
  for (const name of byName.keys())
    if (!NAMES.includes(name)) {
      complain(
        wrong,
        "unknown-parameter",
        `there is no parameter "${name.slice(0, 64)}" here, only ${NAMES.join(", ")}`,
      );
      break;
    }
  return byName;
}

function complain(wrong: ProblemItem[], code: string, message: string): void {
  wrong.push({ code, message });
}

function oneOf(byName: Parameters, name: string, wrong: ProblemItem[]): string | null {
  const values = byName.get(name) ?? [];
  if (values.length > 1) complain(wrong, name, `${name} may be given once`);
  return values[0] ?? null;
}

/** Several, each by itself or with commas between them. */
function streamsOf(values: readonly string[], wrong: ProblemItem[]): StreamName[] | null {
  if (values.length === 0) return null;
  const names = new Set(values.flatMap((value) => value.split(",")));
  const streams = [...names].toSorted().flatMap((name) => parseStreamName(name) ?? []);
  if (streams.length < names.size)
    complain(
      wrong,
      "stream",
      "stream is names of streams, [a-z][a-z0-9_]{0,63}, with commas between them",
    );
  if (names.size > limits.streamsPerDeviceMax)
    complain(
      wrong,
      "stream",
      `stream is at most ${limits.streamsPerDeviceMax} names; leave it out for all`,
    );
  return streams;
}

function timeOf(name: string, text: string | null, absent: number, wrong: ProblemItem[]): number {
  if (text === null) return absent;
  const timeMs = parseTime(parseNumberText(text) ?? text);
  if (timeMs === null) complain(wrong, name, `${name} ${TIME}`);
  return timeMs ?? absent;
}

function resolutionOf(text: string | null, wrong: ProblemItem[]): Resolution {
  if (text === null) return "raw";
  if (Object.hasOwn(RESOLUTIONS, text)) return text as Resolution;
  complain(wrong, "resolution", `resolution is one of ${Object.keys(RESOLUTIONS).join(", ")}`);
  return "raw";
}

function flagOf(name: string, text: string | null, wrong: ProblemItem[]): boolean {
  if (text !== null && text !== "true" && text !== "false")
    complain(wrong, name, `${name} is true or false`);
  return text === "true";
}

function limitOf(text: string | null, wrong: ProblemItem[]): number {
  if (text === null) return limits.historyRowsDefault;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > limits.historyRowsMax)
    complain(
      wrong,
      "limit",
      `limit is a whole number from 1 to ${limits.historyRowsMax}; ask for more with the cursor`,
    );
  return limit;
}

function formatOf(text: string | null, wrong: ProblemItem[]): HistoryFormat | null {
  if (text === null || text === "json" || text === "csv") return text;
  complain(wrong, "format", "format is json or csv");
  return null;
}

function checkTogether(question: Question, wrong: ProblemItem[]): void {
  const { fromMs, toMs, resolution, isWithQuarantined } = question;
  if (fromMs >= toMs)
    complain(
      wrong,
      "to",
      "to is after from: readings from the one until before the other are told",
    );
  if (isWithQuarantined && resolution !== "raw")
    complain(
      wrong,
      "quarantined",
      "quarantined readings are in no bucket: leave quarantined out, or ask for resolution=raw",
    );
}

function afterOf(question: Question, text: string | null, wrong: ProblemItem[]): Position | null {
  if (text === null) return null;
  const after = parseCursor(question, text);
  if (after === null)
    complain(
      wrong,
      "cursor",
      "cursor is one that an answer to the same query gave: send it with the same stream, from, to, resolution and quarantined, or leave it out to begin anew",
    );
  return after;
}
