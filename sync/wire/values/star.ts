// How do the entries of a star map become bytes, on the wire and in storage? Each from the codec of
// the map's values.

import type { StarEdgeEntry, StarHubEntry, StarOp } from "../../crdt/star-map.ts";
import {
  choiceCodec,
  differencesCodec,
  mapCodec,
  mappedCodec,
  naturalCodec,
  recordCodec,
  unitCodec,
  type Codec,
} from "../values.ts";

/** The highest number of a link. */
const LINK_MAX = 0xffffffff;

/** What an edge tells the hub of a key. */
export function starUpCodec<V>(values: Codec<V>): Codec<StarOp<V>> {
  return mappedCodec(choiceCodec({ add: values, remove: naturalCodec }), opCell, opOf);
}

/** What the hub tells an edge of a key: its value; null: absent. */
export function starDownCodec<V>(values: Codec<V>): Codec<V | null> {
  return mappedCodec(
    choiceCodec({ none: unitCodec, some: values }),
    (value) =>
      value === null
        ? { kind: "none" as const, value: true as const }
        : { kind: "some" as const, value },
    (cell) => (cell.kind === "none" ? null : cell.value),
  );
}

/** What the hub stores of a key. */
export function starHubCodec<V>(values: Codec<V>): Codec<StarHubEntry<V>> {
  return recordCodec({
    tags: mapCodec(
      differencesCodec(0, LINK_MAX),
      recordCodec({ seq: naturalCodec, value: values }),
    ),
    stable: starDownCodec(values),
    stableSeq: naturalCodec,
  });
}

/** What an edge stores of a key. */
export function starEdgeCodec<V>(values: Codec<V>): Codec<StarEdgeEntry<V>> {
  return recordCodec({
    present: starDownCodec(values),
    op: starDownCodec(starUpCodec(values)),
  });
}

function opCell<V>(
  op: StarOp<V>,
):
  | { readonly kind: "add"; readonly value: V }
  | { readonly kind: "remove"; readonly value: number } {
  return op.kind === "add" ? op : { kind: "remove", value: op.context };
}

function opOf<V>(cell: ReturnType<typeof opCell<V>>): StarOp<V> {
  return cell.kind === "add" ? cell : { kind: "remove", context: cell.value };
}
