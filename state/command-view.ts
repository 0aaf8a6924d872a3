// What may be sent to give a command or to answer one, and how does a command look in JSON? The same
// at both ends.

import { err, ok, type Result } from "../sync/result.ts";
import {
  COMMAND_ID,
  COMMAND_NAME,
  EXPIRY_MS,
  EXPIRY_MS_MAX,
  PAYLOAD_CHARS_MAX,
  RESULT_CHARS_MAX,
  type AnswerState,
  type HeldCommand,
} from "./command.ts";
import type { GivenCommand } from "./command-book.ts";
import type { PatchFault } from "./shadow.ts";

/** A command that was read, and when it expires, also if it did not say. */
export interface ReadCommand {
  readonly given: GivenCommand;
  readonly expiresMs: number;
}

/** What a device says of a command. */
export interface ReadAnswer {
  readonly state: AnswerState;
  readonly result: string | null;
}

/** Reads `{ id?, name, payload?, expires? | ttl? }`. */
export function readCommand(
  body: unknown,
  nowMs: number,
  drawnId: string,
  parseTime: (text: string) => number | null,
): Result<ReadCommand, PatchFault[]> {
  const given = membersOf(body, COMMAND_MEMBERS);
  if (!given.ok) return given;
  const { id = drawnId, name, payload = null } = given.value;
  const text = payload === null ? null : JSON.stringify(payload);
  const expiry = readExpiry(given.value, nowMs, parseTime);
  const faults = [
    ...unless(isMatch(id, COMMAND_ID), "/id", "command-id", ID),
    ...unless(isMatch(name, COMMAND_NAME), "/name", "command-name", NAME),
    ...unless((text?.length ?? 0) <= PAYLOAD_CHARS_MAX, "/payload", "payload-too-large", PAYLOAD),
    ...(expiry.ok ? [] : expiry.error),
  ];
  if (!expiry.ok || faults.length > 0) return err(faults);
  const { saidMs, expiresMs } = expiry.value;
  const command = { id: String(id), name: String(name), payload: text, expiresMs: saidMs };
  return ok({ given: command, expiresMs });
}

/** When a command expires, and when it said that it does; null: it did not say a time. */
interface Expiry {
  readonly saidMs: number | null;
  readonly expiresMs: number;
}

function readExpiry(
  { expires, ttl }: Readonly<Record<string, unknown>>,
  nowMs: number,
  parseTime: (text: string) => number | null,
): Result<Expiry, PatchFault[]> {
  if (expires !== undefined) {
    if (ttl !== undefined) return err(unless(false, "/ttl", "expires-twice", TWICE));
    const ms = typeof expires === "string" ? parseTime(expires) : expires;
    const isSound = Number.isSafeInteger(ms) && Number(ms) > nowMs;
    return isSound && Number(ms) <= nowMs + EXPIRY_MS_MAX
      ? ok({ saidMs: Number(ms), expiresMs: Number(ms) })
      : err(unless(false, "/expires", "expires", EXPIRES));
  }
  if (ttl === undefined) return ok({ saidMs: null, expiresMs: nowMs + EXPIRY_MS });
  return typeof ttl === "number" && ttl > 0 && ttl * 1000 <= EXPIRY_MS_MAX
    ? ok({ saidMs: null, expiresMs: nowMs + Math.ceil(ttl * 1000) })
    : err(unless(false, "/ttl", "ttl", TTL));
}

function unless(isSound: boolean, pointer: string, code: string, message: string): PatchFault[] {
  return isSound ? [] : [{ pointer, code, message }];
}

function isMatch(text: unknown, form: RegExp): boolean {
  return typeof text === "string" && form.test(text);
}

/** Reads `{ state, result? }`. */
export function readAnswer(body: unknown): Result<ReadAnswer, PatchFault[]> {
  const given = membersOf(body, ANSWER_MEMBERS);
  if (!given.ok) return given;
  const { state, result } = given.value;
  if (state !== "accepted" && state !== "done" && state !== "failed")
    return err([
      { pointer: "/state", code: "state", message: 'it is "accepted", "done" or "failed"' },
    ]);
  const text = result === undefined || result === null ? null : JSON.stringify(result);
  if (text === null || text.length <= RESULT_CHARS_MAX) return ok({ state, result: text });
  const message = `as JSON it has at most ${RESULT_CHARS_MAX} characters`;
  return err([{ pointer: "/result", code: "result-too-large", message }]);
}

/** Shows a command. @param formatTime Writes epoch milliseconds as RFC 3339. */
export function commandView(command: HeldCommand, formatTime: (ms: number) => string): object {
  const { id, name, payload, expiresMs, state, result, reachedMs } = command;
  const reached = Object.entries(reachedMs).map(([at, ms]) => [at, formatTime(ms)]);
  return {
    id,
    name,
    payload: payload === null ? null : (JSON.parse(payload) as unknown),
    state,
    expires: formatTime(expiresMs),
    reached: Object.fromEntries(reached) as object,
    result: result === null ? null : (JSON.parse(result) as unknown),
  };
}

const COMMAND_MEMBERS = ["id", "name", "payload", "expires", "ttl"];
const ANSWER_MEMBERS = ["state", "result"];
const ID = "an id is 1 to 64 characters of A-Z, a-z, 0-9, underscore and hyphen, or left out";
const NAME = "a name is 1 to 64 characters of a-z, 0-9, dot, underscore and hyphen, a letter first";
const PAYLOAD = `as JSON it has at most ${PAYLOAD_CHARS_MAX} characters`;
const TWICE = "expires or ttl, not both";
const EXPIRES = `a time in the future, at most ${EXPIRY_MS_MAX / 86_400_000} days from now, as RFC 3339 or epoch milliseconds`;
const TTL = `seconds from now, more than 0 and at most ${EXPIRY_MS_MAX / 1000}`;

function membersOf(
  body: unknown,
  names: readonly string[],
): Result<Readonly<Record<string, unknown>>, PatchFault[]> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return err([{ pointer: "", code: "not-an-object", message: "the body is an object" }]);
  const stranger = Object.keys(body).find((name) => !names.includes(name));
  if (stranger === undefined) return ok(body as Record<string, unknown>);
  const message = `there is no such field: ${names.join(", ")}`;
  return err([{ pointer: `/${stranger.slice(0, 80)}`, code: "unknown-field", message }]);
}
