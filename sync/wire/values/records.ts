// How do counters, alerts and versioned configuration become bytes?

import { RANKS, type Alert } from "../../crdt/alert.ts";
import type { CountComponent } from "../../crdt/counts.ts";
import { BUCKET_NUMBER_MAX, BUCKETS_MAX, total } from "../../crdt/histogram.ts";
import type { PnComponent } from "../../crdt/pn-counter.ts";
import type { Versioned } from "../../crdt/versioned.ts";
import { formatDecimal, parseDecimal, type Decimal } from "../../decimal.ts";
import { CONTENT_BYTES_MAX, STRING_BYTES_MAX } from "../../limits.ts";
import {
  checkedCodec,
  differencesCodec,
  mapCodec,
  mappedCodec,
  naturalCodec,
  oneOfCodec,
  recordCodec,
  textCodec,
  type Codec,
} from "../values.ts";
import { nameCodec, numberCodec, stampCodec } from "./scalars.ts";

export const pnComponentCodec: Codec<PnComponent> = /* @__PURE__ */ recordCodec({
  added: naturalCodec,
  removed: naturalCodec,
});

/** Canonical decimals, as text: sums have more digits than a varint. */
const decimalCodec: Codec<Decimal> = /* @__PURE__ */ mappedCodec(
  nameCodec,
  formatDecimal,
  (text) => {
    const decimal = parseDecimal(text);
    return decimal !== null && formatDecimal(decimal) === text ? decimal : undefined;
  },
);

/** Components that have counted something; one that has not is not written. */
export const countComponentCodec: Codec<CountComponent> = /* @__PURE__ */ checkedCodec(
  /* @__PURE__ */ recordCodec({
    count: naturalCodec,
    sum: decimalCodec,
    min: numberCodec,
    max: numberCodec,
    histogram: /* @__PURE__ */ mapCodec(
      /* @__PURE__ */ differencesCodec(-BUCKET_NUMBER_MAX, BUCKET_NUMBER_MAX),
      /* @__PURE__ */ checkedCodec(naturalCodec, (count) => count > 0),
    ),
  }),
  ({ count, min, max, histogram }) =>
    count > 0 && count === total(histogram) && histogram.size <= BUCKETS_MAX && min <= max,
);

export const alertCodec: Codec<Alert> = /* @__PURE__ */ recordCodec({
  episode: naturalCodec,
  rank: /* @__PURE__ */ oneOfCodec(RANKS),
  stamp: stampCodec,
  note: /* @__PURE__ */ textCodec(STRING_BYTES_MAX),
});

export const versionedCodec: Codec<Versioned> = /* @__PURE__ */ recordCodec({
  version: naturalCodec,
  hash: nameCodec,
  content: /* @__PURE__ */ textCodec(CONTENT_BYTES_MAX),
});
