// What is a batch, how do readings become one, and how does a large one become two?

/** A reading's value: a finite number or a boolean. */
export type Value = number | boolean;

/** A column per stream, as long as `t`; null where the stream has no reading at that time. */
type Columns = Readonly<Record<string, readonly (Value | null)[]>>;

/** Readings and the name that they are sent under, the same each time: (boot, seq). */
export interface Batch {
  readonly boot: string;
  readonly seq: number;
  /** Epoch milliseconds, ascending, none twice. */
  readonly t: readonly number[];
  readonly series: Columns;
}

/** What was measured at one time. */
export interface Row {
  readonly timeMs: number;
  readonly values: Readonly<Record<string, Value>>;
}

/** Names a batch within its device. */
export function nameOf(batch: Pick<Batch, "boot" | "seq">): string {
  return `${batch.boot}/${batch.seq}`;
}

/** Counts the readings of a batch. */
export function readingsOf(batch: Pick<Batch, "series">): number {
  const columns = Object.values(batch.series);
  return columns.reduce((sum, column) => sum + column.filter((value) => value !== null).length, 0);
}

/** Turns rows into the columns of a batch. Of two readings of a stream at one time the first counts. */
export function toColumns(rows: readonly Row[]): Pick<Batch, "t" | "series"> {
  const byTime = new Map<number, Record<string, Value>>();
  for (const { timeMs, values } of rows) {
    byTime.set(timeMs, { ...values, ...byTime.get(timeMs) });
  }
  const t = [...byTime.keys()].toSorted((a, b) => a - b);
  const streams = new Set(rows.flatMap(({ values }) => Object.keys(values)));
  const column = (stream: string) => t.map((timeMs) => byTime.get(timeMs)?.[stream] ?? null);
  return { t, series: Object.fromEntries([...streams].map((stream) => [stream, column(stream)])) };
}

/** Cuts a batch in two by time, or by stream if it has one time only; null if it has one reading. */
export function halve(batch: Batch): readonly Pick<Batch, "t" | "series">[] | null {
  if (readingsOf(batch) < 2) return null;
  const rows = toRows(batch);
  const [only] = rows;
  if (rows.length === 1 && only !== undefined) {
    const values = Object.entries(only.values);
    const middle = Math.ceil(values.length / 2);
    return [values.slice(0, middle), values.slice(middle)].map((half) =>
      toColumns([{ timeMs: only.timeMs, values: Object.fromEntries(half) }]),
    );
  }
  const middle = Math.ceil(rows.length / 2);
  return [rows.slice(0, middle), rows.slice(middle)].map(toColumns);
}

/** Turns a batch back into rows; a time without a reading has none. */
function toRows(batch: Batch): readonly Row[] {
  const columns = Object.entries(batch.series);
  return batch.t
    .map((timeMs, index): Row => {
      const cells = columns.map(([stream, column]) => [stream, column[index] ?? null] as const);
      const held = cells.filter((cell): cell is [string, Value] => cell[1] !== null);
      return { timeMs, values: Object.fromEntries(held) };
    })
    .filter(({ values }) => Object.keys(values).length > 0);
}
