// Which JSON bodies are readings? The readings door's parser says so by hand, because it runs for
// every request; this is the same said as a schema, for documents. No Worker imports it, and a law
// (test/laws/doors.test.ts) holds the two together. What stands beside no value, such as the time of
// a row of nulls, is not looked at by the parser.

import * as z from "zod/mini";
import { isSummable } from "../../sync/decimal.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { limits } from "../limits.ts";
import { parseRfc3339, parseTime } from "../telemetry/time.ts";

/** A name of a stream. */
const stream = z.string().check(z.regex(/^[a-z][a-z0-9_]{0,63}$/));
const value = z.union([z.number().check(z.refine(isSummable)), z.boolean()]);
const time = z.union([
  // A number of that size is seconds, sent by mistake.
  z.int().check(
    z.minimum(0),
    z.maximum(TIME_MS_MAX),
    z.refine((ms) => ms < 1e9 || ms >= 1e11),
  ),
  z.string().check(z.refine((text) => parseRfc3339(text) !== null)),
]);
const key = z
  .string()
  .check(z.minLength(1), z.maxLength(limits.batchKeyCharsMax), z.regex(/^[\x21-\x7e]+$/));

const batch = {
  device: z.optional(z.string()),
  boot: z.optional(z.union([key, z.int()])),
  seq: z.optional(z.int().check(z.minimum(1))),
  sent: z.optional(time),
};
const row = { stream, value, time: z.nullish(time) };
const rows = z
  .array(z.strictObject(row))
  .check(z.minLength(1), z.maxLength(limits.readingsPerRequestMax));

type Row = z.infer<z.ZodMiniObject<typeof row>>;
type Named = { readonly boot?: unknown; readonly seq?: unknown };

const isNamed = ({ boot, seq }: Named): boolean => boot !== undefined && seq !== undefined;
const isWhole = ({ boot, seq }: Named): boolean => (boot === undefined) === (seq === undefined);

/** What the readings of a batch have to be together: one type a stream, few enough streams. */
function fitTogether(readings: readonly Row[], isBatchNamed: boolean): boolean {
  const timed = readings.filter((reading) => reading.time != null);
  const timeless = readings.filter((reading) => reading.time == null);
  const kinds = new Set(timed.map((reading) => `${reading.stream} ${typeof reading.value}`));
  const streams = new Set(timed.map((reading) => reading.stream));
  const later = new Set(timeless.map((reading) => reading.stream));
  const isKnownAgain = isBatchNamed || timeless.length === 0;
  const isOnce = later.size === timeless.length;
  const isFew = Math.max(streams.size, later.size) <= limits.streamsPerDeviceMax;
  return isKnownAgain && isOnce && isFew && kinds.size === streams.size;
}

const columnar = z
  .strictObject({
    ...batch,
    t: z.optional(z.array(time).check(z.maxLength(limits.readingsPerRequestMax))),
    t0: z.optional(time),
    step: z.optional(z.int().check(z.minimum(1))),
    series: z.record(stream, z.array(z.nullable(value))),
  })
  .check(
    z.refine(isWhole),
    z.refine(({ t, t0, step }) => t === undefined || (t0 === undefined && step === undefined)),
    z.refine(({ t0, step }) => (t0 === undefined) === (step === undefined)),
    z.refine((body) => {
      const lengths = Object.values(body.series).map((column) => column.length);
      const length = body.t?.length ?? lengths[0];
      const isTimed = body.t !== undefined || body.t0 !== undefined;
      return lengths.every((own) => own === length) && (isTimed || (length ?? 0) <= 1);
    }),
    z.refine((body) => {
      const readings = readingsOf(body);
      const isTimed = readings.every((reading) => reading.time !== "bad");
      const { length } = readings;
      const isSome = length > 0 && length <= limits.readingsPerRequestMax;
      return isSome && isTimed && fitTogether(readings as readonly Row[], isNamed(body));
    }),
  );

/** Makes rows of columns. */
function readingsOf({
  t,
  t0,
  step,
  series,
}: {
  readonly t?: readonly unknown[] | undefined;
  readonly t0?: unknown;
  readonly step?: number | undefined;
  readonly series: Readonly<Record<string, readonly (number | boolean | null)[]>>;
}): { stream: string; value: number | boolean; time: unknown }[] {
  const startMs = parseTime(t0);
  const timeOf = (at: number): unknown =>
    startMs === null ? t?.[at] : (parseTime(startMs + at * (step ?? 0)) ?? "bad");
  return Object.entries(series).flatMap(([name, column]) =>
    column.flatMap((each, at) =>
      each === null ? [] : [{ stream: name, value: each, time: timeOf(at) }],
    ),
  );
}

/** A body of `application/json` on the readings door, with no Idempotency-Key. */
export const readingsSchema = z.union([
  columnar,
  z.strictObject({ ...batch, readings: rows }).check(
    z.refine(isWhole),
    z.refine((body) => fitTogether(body.readings, isNamed(body))),
  ),
  z.strictObject({ ...batch, ...row }).check(
    z.refine(isWhole),
    z.refine((body) => fitTogether([body], isNamed(body))),
  ),
  rows.check(z.refine((readings) => fitTogether(readings, false))),
]);
