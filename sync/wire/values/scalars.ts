// How do the values that people and rules write become bytes: stamps, scalars, and the registers
// that hold them?

import { LOGICAL_MAX, type Hlc } from "../../clock/hlc.ts";
import type { LwwRegister, Scalar } from "../../crdt/lww-register.ts";
import { formatDot, parseDot, type MvRegister } from "../../crdt/mv-register.ts";
import { NAME_CHARS_MAX, STRING_BYTES_MAX, TIME_MS_MAX } from "../../limits.ts";
import { encodeText } from "../bytes.ts";
import {
  ascends,
  checkedCodec,
  choiceCodec,
  constantCodec,
  differencesCodec,
  each,
  listCodec,
  mapCodec,
  mappedCodec,
  naturalCodec,
  nullCodec,
  recordCodec,
  textCodec,
  type Codec,
} from "../values.ts";

/** One of a scalar's cases and what is written of it. */
type Cell =
  | { readonly kind: "null"; readonly value: null }
  | { readonly kind: "false" | "true"; readonly value: boolean }
  | { readonly kind: "whole" | "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string };

/**
 * Tells whether a value comes back as it was: no NaN, infinity or -0, and no text with half of a
 * surrogate pair or of more than `bytesMax` bytes.
 */
export function isStorable(value: Scalar, bytesMax: number = STRING_BYTES_MAX): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "string") return true;
  // A text has at least as many bytes as code units, so this bounds what is encoded.
  return value.length <= bytesMax && value.isWellFormed() && encodeText(value).length <= bytesMax;
}

/** Names of replicas' lives, hashes and the like. */
export const nameCodec: Codec<string> = /* @__PURE__ */ textCodec(NAME_CHARS_MAX * 4);

const wholeCodec: Codec<number> = /* @__PURE__ */ each(
  (writer, value) => writer.zigzag(value),
  (reader) => reader.zigzag(),
);

/** The numbers that wholeCodec has no form for, so that each has one only. */
const floatCodec: Codec<number> = /* @__PURE__ */ checkedCodec(
  /* @__PURE__ */ each(
    (writer, value) => writer.float64(value),
    (reader) => reader.float64(),
  ),
  (value) => Number.isFinite(value) && !isWhole(value),
);

const numberCases = { whole: wholeCodec, float: floatCodec };
const scalarCases = {
  null: nullCodec,
  false: /* @__PURE__ */ constantCodec<boolean>(false),
  true: /* @__PURE__ */ constantCodec<boolean>(true),
  ...numberCases,
  string: /* @__PURE__ */ textCodec(STRING_BYTES_MAX),
};

/** Finite numbers but -0. Also max and min registers: one that holds nothing is not written. */
export const numberCodec: Codec<number> = /* @__PURE__ */ mappedCodec(
  /* @__PURE__ */ choiceCodec(numberCases),
  numberCell,
  ({ value }) => value,
);

const scalarCodec: Codec<Scalar> = /* @__PURE__ */ mappedCodec<Scalar, Cell>(
  /* @__PURE__ */ choiceCodec(scalarCases),
  cellOf,
  ({ value }) => value,
);

export const logicalCodec: Codec<number> = /* @__PURE__ */ checkedCodec(
  naturalCodec,
  (logical) => logical <= LOGICAL_MAX,
);

export const stampCodec: Codec<Hlc> = /* @__PURE__ */ recordCodec({
  wallMs: /* @__PURE__ */ differencesCodec(0, TIME_MS_MAX),
  logical: logicalCodec,
});

export const lwwRegisterCodec: Codec<LwwRegister> = /* @__PURE__ */ mappedCodec(
  /* @__PURE__ */ recordCodec({
    stamp: stampCodec,
    written: /* @__PURE__ */ choiceCodec({ ...scalarCases, deleted: nullCodec }),
  }),
  ({ stamp, value, isDeleted }) => ({
    stamp,
    written: isDeleted ? { kind: "deleted" as const, value: null } : cellOf(value),
  }),
  ({ stamp, written: { kind, value } }) => ({ stamp, value, isDeleted: kind === "deleted" }),
);

/** Multi-value registers: a value's dot is its life's place in the context, and its number there. */
export const mvRegisterCodec: Codec<MvRegister> = /* @__PURE__ */ mappedCodec(
  /* @__PURE__ */ recordCodec({
    context: /* @__PURE__ */ mapCodec(nameCodec, naturalCodec),
    values: /* @__PURE__ */ listCodec(
      /* @__PURE__ */ recordCodec({ life: naturalCodec, seq: naturalCodec, value: scalarCodec }),
    ),
  }),
  ({ context, values }) => {
    const lives = [...context.keys()].toSorted();
    const dots = [...values].map(([dot, value]) => {
      const { replica, seq } = parseDot(dot);
      return { life: lives.indexOf(replica), seq, value };
    });
    return { context, values: dots.toSorted(compareDots) };
  },
  ({ context, values }) => {
    const lives = [...context];
    const dots = new Map<string, Scalar>();
    for (const { life, seq, value } of values) {
      const [replica, seen] = lives[life] ?? ["", 0];
      if (seq < 1 || seq > seen) return undefined;
      dots.set(formatDot({ replica, seq }), value);
    }
    return ascends(values, compareDots) ? { context, values: dots } : undefined;
  },
);

/** A write, its life by its place in the context. */
interface PlacedDot {
  readonly life: number;
  readonly seq: number;
}

function compareDots(left: PlacedDot, right: PlacedDot): number {
  return left.life - right.life || left.seq - right.seq;
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 52) && value < 2 ** 52;
}

function numberCell(value: number): { readonly kind: "whole" | "float"; readonly value: number } {
  return { kind: isWhole(value) ? "whole" : "float", value };
}

function cellOf(value: Scalar): Cell {
  if (typeof value === "number") return numberCell(value);
  return { kind: typeof value === "string" ? "string" : `${value}`, value } as Cell;
}
