// How do the values of a frame become bytes? Encoding 0, plain columns: all first fields, then all
// second fields. A codec of a type is put together from those of its parts. As with ByteReader,
// reading never throws: it breaks the reader, and may then give fewer values than asked for. A value
// that no reader would take (NaN, half of a surrogate pair) breaks the writer.

import { TIME_MS_MAX } from "../limits.ts";
import { ByteWriter, encodeText, type ByteReader } from "./bytes.ts";

/** Writes values as columns and reads them back. The reader knows their number. */
export interface Codec<V> {
  readonly write: (writer: ByteWriter, values: readonly V[]) => void;
  readonly read: (reader: ByteReader, count: number) => V[];
}

/** A type's fields, and what is in each. */
type Codecs<Parts> = { readonly [K in keyof Parts]: Codec<Parts[K]> };

/** Tells whether a value could be read again. */
export function isWritable<V>(codec: Codec<V>, value: V): boolean {
  return writtenBytes(codec, value) !== null;
}

/** How many bytes a value takes; null if it could not be read again. */
export function writtenBytes<V>(codec: Codec<V>, value: V): number | null {
  const writer = new ByteWriter();
  codec.write(writer, [value]);
  return writer.broken ? null : writer.length;
}

/** Makes the codec of values that are written one by one. */
export function each<V>(
  write: (writer: ByteWriter, value: V) => void,
  read: (reader: ByteReader) => V,
): Codec<V> {
  return {
    write(writer, values) {
      for (const value of values) write(writer, value);
    },
    read: (reader, count) => reader.times(count, read),
  };
}

/** Makes the codec of one value: it takes no bytes, so it stands only beside what does. */
export function constantCodec<V>(value: V): Codec<V> {
  return each(
    () => undefined,
    () => value,
  );
}

/** Nothing: the case that says it all. */
export const unitCodec: Codec<true> = /* @__PURE__ */ constantCodec(true);
export const nullCodec: Codec<null> = /* @__PURE__ */ constantCodec(null);

/** Whole numbers from 0 to 2^53 - 1. */
export const naturalCodec: Codec<number> = /* @__PURE__ */ checkedCodec(
  /* @__PURE__ */ each<number>(
    (writer, value) => writer.varint(value),
    (reader) => reader.varint(),
  ),
  (value) => Number.isSafeInteger(value) && value >= 0,
);

/** Epoch milliseconds of an event, up to the end of the year 9999. */
export const timeCodec: Codec<number> = /* @__PURE__ */ checkedCodec(
  naturalCodec,
  (timeMs) => timeMs <= TIME_MS_MAX,
);

/** Well-formed text of at most `bytesMax` bytes of UTF-8. */
export function textCodec(bytesMax: number): Codec<string> {
  return each(
    (writer, value) => {
      const bytes = encodeText(value);
      if (!value.isWellFormed() || bytes.length > bytesMax) writer.broken = true;
      writer.block(bytes);
    },
    (reader) => reader.text(bytesMax),
  );
}

/** Whole numbers of either sign, each as the difference to the one before. */
export const integersCodec: Codec<number> = {
  write(writer, values) {
    let before = 0;
    for (const value of values) {
      writer.zigzag(value - before);
      before = value;
    }
  },
  read(reader, count) {
    let value = 0;
    return reader.times(count, () => (value += reader.zigzag()));
  },
};

/** The same within bounds. */
export function differencesCodec(least: number, most: number): Codec<number> {
  return checkedCodec(integersCodec, (value) => value >= least && value <= most);
}

/** Makes the codec of what is written as something else; `decode` gives undefined to refuse. */
export function mappedCodec<V, As>(
  as: Codec<As>,
  encode: (value: V) => As,
  decode: (written: As) => V | undefined,
): Codec<V> {
  return {
    write: (writer, values) => as.write(writer, values.map(encode)),
    read(reader, count) {
      const written = as.read(reader, count);
      const values = reader.broken ? [] : written.map(decode);
      return values.includes(undefined) ? reader.fail([]) : (values as V[]);
    },
  };
}

/** Makes the codec of one of up to 128 names: a byte a value. */
export function oneOfCodec<Name>(names: readonly Name[]): Codec<Name> {
  return casesCodec(names.map(constantCodec), (name) => names.indexOf(name));
}

/** Makes a codec that reads and writes only what is legal. */
export function checkedCodec<V>(codec: Codec<V>, isLegal: (value: V) => boolean): Codec<V> {
  return {
    write(writer, values) {
      if (!values.every(isLegal)) writer.broken = true;
      codec.write(writer, values);
    },
    read(reader, count) {
      const values = codec.read(reader, count);
      if (!values.every(isLegal)) reader.fail();
      return values;
    },
  };
}

/** Makes the codec of records: a column a field, in the order given here. */
export function recordCodec<Fields extends object>(fields: Codecs<Fields>): Codec<Fields> {
  const names = Object.keys(fields) as (keyof Fields)[];
  return {
    write(writer, values) {
      for (const name of names)
        fields[name].write(
          writer,
          values.map((value) => value[name]),
        );
    },
    read(reader, count) {
      const records: Partial<Fields>[] = [];
      for (const name of names)
        for (const [row, value] of fields[name].read(reader, count).entries())
          (records[row] ??= {})[name] = value;
      return reader.broken ? [] : (records as Fields[]);
    },
  };
}

/**
 * Makes the codec of unions: a byte a value for its case, then a column a case.
 *
 * @param cellOf What of a value is written in the column of its case; none: the value itself.
 */
export function casesCodec<V, Cell = V>(
  columns: readonly Codec<Cell>[],
  caseOf: (value: V) => number,
  cellOf = same as unknown as (value: V) => Cell,
  valueOf = same as unknown as (cell: Cell, which: number) => V,
): Codec<V> {
  return {
    write(writer, values) {
      const cases = values.map(caseOf);
      for (const which of cases) writer.byte(which);
      for (const [which, column] of columns.entries())
        if (cases.includes(which))
          column.write(writer, values.filter((_, row) => cases[row] === which).map(cellOf));
    },
    read(reader, count) {
      const cases = reader.times(count, () => {
        const which = reader.byte();
        return columns[which] ? which : reader.fail();
      });
      const values: unknown[] = [...cases];
      for (const [which, column] of columns.entries())
        if (cases.includes(which)) {
          const rows = [...cases.keys()].filter((row) => cases[row] === which);
          const cells = column.read(reader, rows.length);
          for (const [i, row] of rows.entries()) values[row] = valueOf(cells[i] as Cell, which);
        }
      return reader.broken ? [] : (values as V[]);
    },
  };
}

/** Gives what it is given. */
export function same<Value>(value: Value): Value {
  return value;
}

/** Makes the codec of what two columns say together. */
export function pairCodec<V, Left, Right>(
  left: Codec<Left>,
  right: Codec<Right>,
  leftOf: (value: V) => Left,
  rightOf: (value: V) => Right,
  valueOf: (left: Left, right: Right) => V,
): Codec<V> {
  return {
    write(writer, values) {
      left.write(writer, values.map(leftOf));
      right.write(writer, values.map(rightOf));
    },
    read(reader, count) {
      const lefts = left.read(reader, count);
      const rights = right.read(reader, count);
      return reader.broken ? [] : lefts.map((each, row) => valueOf(each, rights[row] as Right));
    },
  };
}

/** Makes the codec of lists: their lengths, then everything in them. Each item takes a byte. */
export function listCodec<V>(items: Codec<V>): Codec<readonly V[]> {
  return {
    write(writer, values) {
      naturalCodec.write(
        writer,
        values.map(({ length }) => length),
      );
      items.write(writer, values.flat());
    },
    read(reader, count) {
      const lengths = naturalCodec.read(reader, count);
      const total = lengths.reduce((sum, length) => sum + length, 0);
      if (total > reader.remaining) reader.fail();
      const all = items.read(reader, total);
      let at = 0;
      return lengths.map((length) => all.slice(at, (at += length)));
    },
  };
}

/** Makes the codec of maps, ascending by key. */
export function mapCodec<K extends number | string, V>(
  keys: Codec<K>,
  values: Codec<V>,
): Codec<ReadonlyMap<K, V>> {
  return mappedCodec(listCodec(recordCodec<[K, V]>([keys, values])), byKey, (list) =>
    ascends(list, compareKeys) ? new Map(list) : undefined,
  );
}

/** Lists a map's entries, ascending by key. */
export function byKey<K extends number | string, V>(map: ReadonlyMap<K, V>): [K, V][] {
  return [...map].toSorted(compareKeys);
}

/** Of what has a key as its field 0: a tuple, or a record that was read as one. */
function compareKeys<K>(left: readonly [K, unknown], right: readonly [K, unknown]): number {
  return left[0] < right[0] ? -1 : 1;
}

/** Tells whether each item of a list comes after the one before. */
export function ascends<V>(list: readonly V[], compare: (left: V, right: V) => number): boolean {
  return list.every((item, i) => i === 0 || compare(list[i - 1] as V, item) < 0);
}
