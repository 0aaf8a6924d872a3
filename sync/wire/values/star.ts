// How do the entries of a star map become bytes, on the wire and in storage? Each from the codec of
// the map's values.

import type { StarEdgeEntry, StarHubEntry, StarOp } from "../../crdt/star-map.ts";
import {
  choiceCodec,
  differencesCodec,
  mapCodec,
  mappedCodec,
  naturalCodec,
  nullCodec,
  recordCodec,
  type Codec,
} from "../values.ts";

/** The highest number of a link. */
const LINK_MAX = 0xffffffff;

/** What an edge tells the hub of a key. */
export function starUpCodec<V>(values: Codec<V>): Codec<StarOp<V>> {
  return mappedCodec(
    choiceCodec({ add: values, remove: naturalCodec }),
    (op) => (op.kind === "add" ? op : { ...op, value: op.context }),
    ({ kind, value }) => (kind === "add" ? { kind, value } : { kind, context: value }),
  );
}

/** A value, as what the hub tells an edge of a key; null: absent. */
export function optionalCodec<V>(values: Codec<V>): Codec<V | null> {
  return mappedCodec(
    choiceCodec({ none: nullCodec, some: values }),
    optionOf,
    ({ value }) => value,
  );
}

/** A value, or none, as one of two cases. */
export function optionOf<V>(value: V | null): Option<V> {
  return value === null ? { kind: "none", value: null } : { kind: "some", value };
}

type Option<V> =
  | { readonly kind: "none"; readonly value: null }
  | { readonly kind: "some"; readonly value: V };

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
