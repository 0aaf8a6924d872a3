// How do counters, alerts and versioned configuration become bytes?

import type { Alert, AlertRank } from "../../crdt/alert.ts";
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
  recordCodec,
  textCodec,
  type Codec,
} from "../values.ts";
import { nameCodec, numberCodec, stampCodec } from "./scalars.ts";

const RANKS: readonly AlertRank[] = ["none", "firing", "acknowledged", "resolved"];

export const pnComponentCodec: Codec<PnComponent> = recordCodec({
  added: naturalCodec,
  removed: naturalCodec,
});

/** Canonical decimals, as text: sums have more digits than a varint. */
const decimalCodec: Codec<Decimal> = mappedCodec(nameCodec, formatDecimal, (text) => {
  const decimal = parseDecimal(text);
  return decimal !== null && formatDecimal(decimal) === text ? decimal : undefined;
});

/** Components that have counted something; one that has not is not written. */
export const countComponentCodec: Codec<CountComponent> = checkedCodec(
  recordCodec({
    count: naturalCodec,
    sum: decimalCodec,
    min: numberCodec,
    max: numberCodec,
    histogram: mapCodec(
      differencesCodec(-BUCKET_NUMBER_MAX, BUCKET_NUMBER_MAX),
      checkedCodec(naturalCodec, (count) => count > 0),
    ),
  }),
  ({ count, min, max, histogram }) =>
    count > 0 && count === total(histogram) && histogram.size <= BUCKETS_MAX && min <= max,
);

export const alertCodec: Codec<Alert> = recordCodec({
  episode: naturalCodec,
  rank: mappedCodec<AlertRank, number>(
    naturalCodec,
    (rank) => RANKS.indexOf(rank),
    (number) => RANKS[number],
  ),
  stamp: stampCodec,
  note: textCodec(STRING_BYTES_MAX),
});

export const versionedCodec: Codec<Versioned> = recordCodec({
  version: naturalCodec,
  hash: nameCodec,
  content: textCodec(CONTENT_BYTES_MAX),
});
