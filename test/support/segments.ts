// Segments for tests: generated ones of every kind, and columns written by hand.

import fc from "fast-check";
import { INSTANTS_MAX, type Segment, type SegmentColumn } from "../../edge/segment/segment.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { sensorValue, streamName } from "./arbitraries.ts";

const INSTANTS = 40;
const STREAMS = ["a", "depth_m", "zz9"].map(streamName);

/** Times as devices have them: periods with jitter and gaps, and any others. */
const times: fc.Arbitrary<Float64Array> = fc
  .tuple(
    fc.nat(TIME_MS_MAX - 1_000_000_000),
    fc.constantFrom(1, 50, 1_000, 60_000),
    fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }) },
      ),
      { minLength: 1, maxLength: INSTANTS },
    ),
    fc.nat(20),
  )
  .map(([first, period, steps, jitter]) => {
    let at = first;
    return Float64Array.from(
      steps,
      (step, i) => (at += step * period) + ((i * 7 * jitter) % period),
    );
  })
  .map((drawn) => Float64Array.from(new Set(drawn)).sort());

/** Values of a stream: of one scale, of any, of few bits, with what no scale fits among them. */
const values: fc.Arbitrary<number[]> = fc.oneof(
  fc
    .tuple(
      fc.array(fc.integer({ min: -40, max: 40 }), { minLength: INSTANTS, maxLength: INSTANTS }),
      fc.nat(6),
      fc.integer({ min: -100_000, max: 100_000 }),
      fc.constantFrom(1, 5, 250),
    )
    .map(([steps, scale, start, step]) => {
      let level = start;
      return steps.map((change) => (level += change * step) / 10 ** scale);
    }),
  fc.array(sensorValue, { minLength: INSTANTS, maxLength: INSTANTS }),
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
    minLength: INSTANTS,
    maxLength: INSTANTS,
  }),
  fc.array(
    fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 200, max: 230 }).map((tenths) => tenths / 10) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(-0, 5e-324, 1.7976931348623157e308, -1e22, 2 ** 53, 0.1 + 0.2),
      },
    ),
    { minLength: INSTANTS, maxLength: INSTANTS },
  ),
  fc.constantFrom(0, -0, 20.5, 1e300).map((value) => Array<number>(INSTANTS).fill(value)),
);

const stamps: fc.Arbitrary<number[]> = fc.oneof(
  fc.constant(Array<number>(INSTANTS).fill(1_700_000_000_000)),
  fc.array(fc.constantFrom(5, 70_000, TIME_MS_MAX), { minLength: INSTANTS, maxLength: INSTANTS }),
);

interface DrawnColumn {
  readonly isThere: readonly boolean[];
  readonly values: readonly number[];
  readonly stamps: readonly number[];
  readonly isContested: readonly boolean[];
}

const isThere: fc.Arbitrary<boolean[]> = fc.oneof(
  fc.constant(Array<boolean>(INSTANTS).fill(true)),
  fc.constant(Array.from({ length: INSTANTS }, (_, row) => row % 2 === 0)),
  fc.array(fc.boolean(), { minLength: INSTANTS, maxLength: INSTANTS }),
);

const column: fc.Arbitrary<DrawnColumn> = fc.record(
  {
    isThere,
    values,
    stamps,
    isContested: fc.oneof(
      fc.constant([]),
      fc.array(fc.boolean(), { minLength: INSTANTS, maxLength: INSTANTS }),
    ),
  },
  { noNullPrototype: true },
);

function columnOf(
  stream: SegmentColumn["stream"],
  kind: SegmentColumn["kind"],
  drawn: DrawnColumn,
  rows: readonly number[],
): SegmentColumn[] {
  if (rows.length === 0) return [];
  const shown = (row: number): number => drawn.values[row] ?? 0;
  return [
    {
      stream,
      kind,
      rows: Uint16Array.from(rows),
      values: Float64Array.from(rows, (row) =>
        kind === "number" ? shown(row) : Number(shown(row) > 0),
      ),
      stamps: Float64Array.from(rows, (row) => drawn.stamps[row] ?? 0),
      contested: Uint16Array.from(rows.flatMap((row, at) => (drawn.isContested[row] ? [at] : []))),
    },
  ];
}

/** Any legal segment of at most forty instants. */
export const anySegment: fc.Arbitrary<Segment> = fc
  .tuple(times, fc.array(column, { maxLength: STREAMS.length }), fc.nat(3))
  .map(([drawnTimes, drawn, sort]) => {
    const all = [...drawnTimes.keys()];
    const columns = drawn.flatMap((one, at) => {
      const stream = STREAMS[at] ?? streamName("x");
      const there = all.filter((row) => one.isThere[row]);
      // Some streams have numbers only, some booleans only, some both.
      const isNumber = (row: number): boolean =>
        [true, false, row % 3 > 0, true][(at + sort) % 4] ?? true;
      return [
        ...columnOf(
          stream,
          "boolean",
          one,
          there.filter((row) => !isNumber(row)),
        ),
        ...columnOf(stream, "number", one, there.filter(isNumber)),
      ];
    });
    return withoutEmpty({ times: drawnTimes, columns });
  });

/** Leaves out the instants without a reading. */
function withoutEmpty({ times: all, columns }: Segment): Segment {
  const used = [...new Set(columns.flatMap(({ rows }) => [...rows]))].toSorted((a, b) => a - b);
  const newRow = new Map(used.map((row, at) => [row, at]));
  return {
    times: Float64Array.from(used, (row) => all[row] ?? 0),
    columns: columns.map((one) => ({
      ...one,
      rows: one.rows.map((row) => newRow.get(row) ?? 0),
    })),
  };
}

/** A column that has a value at each of the first instants. */
export function numbers(stream: string, given: readonly number[], stampMs = 1_000): SegmentColumn {
  return {
    stream: streamName(stream),
    kind: "number",
    rows: Uint16Array.from(given.keys()),
    values: Float64Array.from(given),
    stamps: new Float64Array(given.length).fill(stampMs),
    contested: new Uint16Array(0),
  };
}

/** A segment of these columns, an instant each ten seconds. */
export function everyTenSeconds(...columns: readonly SegmentColumn[]): Segment {
  const count = Math.max(0, ...columns.map(({ rows }) => (rows.at(-1) ?? -1) + 1));
  return { times: Float64Array.from({ length: count }, (_, at) => 1_000 + at * 10_000), columns };
}

/** The most instants that there may be, with values of a counter. */
export function longest(): Segment {
  return everyTenSeconds(
    numbers(
      "count",
      Array.from({ length: INSTANTS_MAX }, (_, at) => at),
    ),
  );
}
