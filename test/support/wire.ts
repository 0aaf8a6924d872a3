// Goal: the same samples of everything that travels for vectors, laws and tests: every kind with
// values at its edges, and plain text of what a decoder gives.

import { ZERO_HLC } from "../../sync/clock/hlc.ts";
import { countComponent, observe } from "../../sync/crdt/counts.ts";
import { write } from "../../sync/crdt/mv-register.ts";
import { decimalOf } from "../../sync/decimal.ts";
import type { Collection } from "../../sync/replica/kind.ts";
import type { Image } from "../../sync/replica/image.ts";
import type { Entry } from "../../sync/replica/table.ts";
import { KeyDictionary } from "../../sync/wire/dictionary.ts";
import { ALL_KINDS } from "../../tools/frame/kinds.ts";

/** A collection of each kind, with the kind's code as its id. */
export const ALL_COLLECTIONS: readonly Collection[] = ALL_KINDS.map((kind) => ({
  id: kind.code,
  direction: "both",
  kind,
}));

const STAMP = { wallMs: 1_789_000_000_000, logical: 3 };
const NUMBERS = [0, -1, 0.1, 2 ** 52, -(2 ** 52), 1e300, Number.MIN_VALUE];
const LAST_WRITES = [null, true, false, 0, -3.5, "", "Kärdla 🚢"].map((value, i) => ({
  stamp: { wallMs: STAMP.wallMs + i * 16, logical: i },
  value,
  isDeleted: false,
}));
const ERASED = { stamp: ZERO_HLC, value: null, isDeleted: true };
const COUNTED = [0, 0.5, 0.5, -12.25, 1e21].reduce(
  (held, value) => observe(held, value, decimalOf(value)),
  countComponent.bottom,
);
const FIRST = write({ values: new Map(), context: new Map() }, "hel/00-ff#7", "a");

const SAMPLES: Readonly<Record<number, readonly unknown[]>> = {
  1: [...LAST_WRITES, ERASED],
  2: NUMBERS,
  3: NUMBERS,
  4: [0, 1, 127, 128, Number.MAX_SAFE_INTEGER],
  5: [
    { added: 0, removed: 0 },
    { added: 7, removed: Number.MAX_SAFE_INTEGER },
  ],
  6: [COUNTED, observe(countComponent.bottom, 3, decimalOf(3))],
  7: [
    FIRST,
    {
      values: new Map<string, unknown>([...FIRST.values, ["2@tll/00-ff#9", null]]),
      context: new Map([...FIRST.context, ["tll/00-ff#9", 3]]),
    },
    { values: new Map(), context: new Map() },
  ],
  8: [
    { episode: 1, rank: "firing", stamp: STAMP, note: "bilge 41 %" },
    { episode: 2, rank: "acknowledged", stamp: STAMP, note: "" },
    { episode: 2, rank: "resolved", stamp: STAMP, note: "ä" },
    { episode: 0, rank: "none", stamp: ZERO_HLC, note: "" },
  ],
  9: [
    { version: 1, hash: "ab".repeat(32), content: '{"a":1}' },
    { version: 0, hash: "", content: "" },
  ],
  10: [true],
  11: LAST_WRITES.slice(0, 3),
};

/** Add-wins sets and maps. */
const STARS: readonly number[] = [10, 11];

/** Counts in total are written as the others. */
function samples(code: number): readonly unknown[] {
  return SAMPLES[code] ?? SAMPLES[code - 8] ?? [];
}

/** Values as the kind of that code sends them. */
export function samplesOf(code: number, way: "up" | "down"): readonly unknown[] {
  const values = samples(code);
  if (!STARS.includes(code)) return values;
  if (way === "down") return [...values, null];
  return [
    ...values.map((value) => ({ kind: "add", value })),
    { kind: "remove", context: 0 },
    { kind: "remove", context: 12_345 },
  ];
}

/** Kinds of which an edge keeps what is confirmed, and what is under way, beside the value. */
const COMPONENTS: readonly number[] = [4, 5, 6, 7, 12, 13, 14];

/** Values of that kind as one end holds them. */
function heldOf(code: number, end: "edge" | "hub"): readonly unknown[] {
  const values = samples(code);
  const [first, second = first] = values;
  if (STARS.includes(code))
    return end === "edge"
      ? [
          { present: first, op: null },
          { present: first, op: { kind: "add", value: second } },
          { present: null, op: { kind: "remove", context: 4 } },
        ]
      : [
          { tags: new Map(), stable: first, stableSeq: 300 },
          {
            tags: new Map([
              [0, { seq: 3, value: first }],
              [4_000_000_000, { seq: 9, value: second }],
            ]),
            stable: null,
            stableSeq: 0,
          },
        ];
  if (end === "hub" || !COMPONENTS.includes(code)) return values;
  return [
    { value: second, confirmed: first, sent: [] },
    { value: first, confirmed: null, sent: [{ seq: 7, value: second }] },
  ];
}

/** A stored image with entries of every kind. */
export function imageOf(end: "edge" | "hub"): Image {
  const entries = ALL_KINDS.map(({ code }) => {
    const rows = heldOf(code, end).map((value, i): readonly [string, Entry | null] => [
      `key/${i}`,
      { value, seq: code * 100 - i * 7, mark: i % 2 === 0 ? 0 : i * 50 },
    ]);
    return [code, new Map([...rows, ["key/gone", null] as const])] as const;
  });
  const facts = new Map<string, unknown>([
    ["seq", 1_100],
    ["schema", "1:1:both"],
    ["old", null],
  ]);
  return { facts, entries: new Map(entries) };
}

/** What a decoder gave, as JSON: bytes in hexadecimal, maps as pairs, big integers as text. */
export function text(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, plain));
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return hexOf(value);
  if (value instanceof Map) return { map: [...value] };
  return typeof value === "bigint" ? `${value}n` : value;
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

/** A dictionary that holds these keys. */
export function dictionaryOf(keys: readonly string[]): KeyDictionary {
  const dictionary = new KeyDictionary();
  for (const key of keys) dictionary.add(key);
  return dictionary;
}
