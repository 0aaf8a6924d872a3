// What do the parsers of all wire forms have in common? What they make of a request, how a batch is
// named by its key, where a value stands, and what is said of a request that is wrong as a whole.

import type { Problem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { BatchIdentity } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import type { ReadingCollector, ValuePosition } from "./reading-collector.ts";

/** A request's readings, sorted into good and bad. */
export interface ParsedReadings {
  readonly identity: BatchIdentity;
  /** The device's clock when it sent the batch, epoch milliseconds; null if not given. */
  readonly sentMs: number | null;
  readonly readings: ReadingCollector;
  /** True if times were given relative to the arrival: sent again, the body says other ones. */
  readonly isRelative: boolean;
}

/** Where the parser is; one for a whole request, because most values never have to be pointed at. */
export class Cursor implements ValuePosition {
  readonly #base: string;
  index = 0;
  /** What follows the index in the pointer. */
  rest = "";

  constructor(base: string) {
    this.#base = base;
  }

  get pointer(): string {
    return `${this.#base}/${this.index}${this.rest}`;
  }
}

/** Names a batch by its Idempotency-Key, if it has one. */
export function parseKey(key: string | null): Result<BatchIdentity, Problem> {
  if (key === null) return ok({ kind: "none" });
  if (isPlainKey(key)) return ok({ kind: "key", key });
  const message = `Idempotency-Key has 1 to ${limits.batchKeyCharsMax} printable characters`;
  return err(malformed("", message));
}

export function isPlainKey(key: string): boolean {
  return key.length <= limits.batchKeyCharsMax && /^[\x21-\x7e]+$/.test(key);
}

/** Closes a text form's parse: there is nothing beside the readings in it. */
export function finishReadings(
  identity: BatchIdentity,
  readings: ReadingCollector,
  count: number,
  isRelative = false,
): Result<ParsedReadings, Problem> {
  if (count === 0) return err(noReading());
  return ok({ identity, sentMs: null, readings, isRelative });
}

export function noReading(): Problem {
  return malformed("", "There is no reading in the request");
}

export function malformed(pointer: string, message: string): Problem {
  const errors = [{ pointer, code: "malformed", message }];
  return { code: "malformed", status: 400, title: "Malformed readings", detail: message, errors };
}

export function tooMany(what = "readings", max: number = limits.readingsPerRequestMax): Problem {
  const detail = `The request has more than ${max} ${what}: split it`;
  return { code: `too-many-${what}`, status: 413, title: `Too many ${what}`, detail };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1").slice(0, 80);
}
