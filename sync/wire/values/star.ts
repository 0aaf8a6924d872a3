// How do the entries of a star map become bytes, on the wire and in storage? Each from the codec of
// the map's values.

import type { StarEdgeEntry, StarHubEntry, StarOp } from "../../crdt/star-map.ts";
import {
  casesCodec,
  differencesCodec,
  mapCodec,
  naturalCodec,
  nullCodec,
  recordCodec,
  type Codec,
} from "../values.ts";

/** The highest number of a link. */
const LINK_MAX = 0xffffffff;

/** What an edge tells the hub of a key. */
export function starUpCodec<V>(values: Codec<V>): Codec<StarOp<V>> {
  return casesCodec<StarOp<V>, unknown>(
    [values, naturalCodec] as Codec<unknown>[],
    ({ kind }) => (kind === "add" ? 0 : 1),
    (op) => (op.kind === "add" ? op.value : op.context),
    (cell, which) =>
      which ? { kind: "remove", context: cell as number } : { kind: "add", value: cell as V },
  );
}

/** A value, as what the hub tells an edge of a key; null: absent. */
export function optionalCodec<V>(values: Codec<V>): Codec<V | null> {
  return casesCodec([nullCodec, values] as Codec<V | null>[], (value) => (value === null ? 0 : 1));
}

/** What the hub stores of a key. */
export function starHubCodec<V>(values: Codec<V>): Codec<StarHubEntry<V>> {
  return recordCodec({
    tags: mapCodec(
      differencesCodec(0, LINK_MAX),
      recordCodec({ seq: naturalCodec, value: values }),
    ),
    stable: optionalCodec(values),
    stableSeq: naturalCodec,
  });
}

/** What an edge stores of a key. */
export function starEdgeCodec<V>(values: Codec<V>): Codec<StarEdgeEntry<V>> {
  return recordCodec({
    present: optionalCodec(values),
    op: optionalCodec(starUpCodec(values)),
  });
}
