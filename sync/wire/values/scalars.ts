// How do the values that people and rules write become bytes: stamps, scalars, and the registers
// that hold them?

import { LOGICAL_MAX, type Hlc } from "../../clock/hlc.ts";
import type { LwwRegister, Scalar } from "../../crdt/lww-register.ts";
import { formatDot, parseDot, type MvRegister } from "../../crdt/mv-register.ts";
import { NAME_CHARS_MAX, STRING_BYTES_MAX, TIME_MS_MAX } from "../../limits.ts";
import { encodeText } from "../bytes.ts";
import {
  ascends,
  casesCodec,
  checkedCodec,
  constantCodec,
  differencesCodec,
  each,
  listCodec,
  mapCodec,
  mappedCodec,
  naturalCodec,
  pairCodec,
  recordCodec,
  textCodec,
  type Codec,
} from "../values.ts";

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

/** The numbers that a zigzag has no form for, so that each has one only. */
const floatCodec: Codec<number> = /* @__PURE__ */ checkedCodec(
  /* @__PURE__ */ each(
    (writer, value) => writer.float64(value),
    (reader) => reader.float64(),
  ),
  (value) => Number.isFinite(value) && !isWhole(value),
);

const wholeCodec: Codec<number> = /* @__PURE__ */ each(
  (writer, value) => writer.zigzag(value),
  (reader) => reader.zigzag(),
);

/** What a register was written with; undefined: it was deleted. */
type Written = Scalar | undefined;

const numberCases = [wholeCodec, floatCodec];
const writtenCases = /* @__PURE__ */ [
  ...[null, false, true].map(constantCodec),
  ...numberCases,
  textCodec(STRING_BYTES_MAX),
  constantCodec(undefined),
] as Codec<Written>[];

/** Finite numbers but -0. Also max and min registers: one that holds nothing is not written. */
export const numberCodec: Codec<number> = /* @__PURE__ */ casesCodec(numberCases, (value) =>
  isWhole(value) ? 0 : 1,
);

const scalarCodec = /* @__PURE__ */ casesCodec(
  /* @__PURE__ */ writtenCases.slice(0, -1),
  caseOf,
) as Codec<Scalar>;

const writtenCodec: Codec<Written> = /* @__PURE__ */ casesCodec(writtenCases, caseOf);

/** The case of what is written, by its place. */
function caseOf(value: Written): number {
  if (value === undefined) return 6;
  if (typeof value === "number") return isWhole(value) ? 3 : 4;
  return typeof value === "string" ? 5 : [null, false, true].indexOf(value);
}

export const logicalCodec: Codec<number> = /* @__PURE__ */ checkedCodec(
  naturalCodec,
  (logical) => logical <= LOGICAL_MAX,
);

export const stampCodec: Codec<Hlc> = /* @__PURE__ */ recordCodec({
  wallMs: /* @__PURE__ */ differencesCodec(0, TIME_MS_MAX),
  logical: logicalCodec,
});

export const lwwRegisterCodec: Codec<LwwRegister> = /* @__PURE__ */ pairCodec(
  stampCodec,
  writtenCodec,
  ({ stamp }) => stamp,
  ({ value, isDeleted }) => (isDeleted ? undefined : value),
  (stamp, value) => ({ stamp, value: value ?? null, isDeleted: value === undefined }),
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
