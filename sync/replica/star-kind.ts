// How does the star add-wins map live in a replica? An edge keeps what is present and what it did,
// the hub additions by link until all have acknowledged them.

import type { Lattice } from "../crdt/lattice.ts";
import {
  absorbAtEdge,
  addAtEdge,
  addAtHub,
  NOTHING_AT_HUB,
  removeAtEdge,
  removeAtHub,
  stabilizeEntry,
  valueAtHub,
  type StarEdgeEntry,
  type StarHubEntry,
  type StarOp,
} from "../crdt/star-map.ts";
import { same, type Codec } from "../wire/values.ts";
import { optionalCodec, starEdgeCodec, starHubCodec, starUpCodec } from "../wire/values/star.ts";
import type { JoinTraits, KindOf } from "./kind.ts";

/** What a writer does to a key. */
export type StarWrite<Value> =
  | { readonly kind: "add"; readonly value: Value }
  | { readonly kind: "remove" };

export type StarKind<Value> = KindOf<
  StarEdgeEntry<Value>,
  StarHubEntry<Value>,
  StarOp<Value>,
  Value | null,
  StarWrite<Value>,
  Value
>;

/** Makes the kind of an add-wins map with these values. */
export function starKind<Value>(
  code: number,
  lattice: Lattice<Value>,
  values: Codec<Value>,
  { stampOf, restamp = same }: Omit<JoinTraits<Value>, "isTombstone"> = {},
): StarKind<Value> {
  const viewAtHub = (held: StarHubEntry<Value>): Value | null => valueAtHub(lattice, held);
  return {
    code,
    up: starUpCodec(values),
    down: optionalCodec(values),
    edge: starEdgeCodec(values),
    hub: starHubCodec(values),
    toUp({ op, present }) {
      if (op) return op;
      return present === null ? { kind: "remove", context: 0 } : { kind: "add", value: present };
    },
    toDown: viewAtHub,
    writeAtEdge(held, write, context) {
      if (write.kind === "add") return addAtEdge(lattice, held, write.value);
      return held && held.present !== null ? removeAtEdge(context) : null;
    },
    writeAtHub: (held, write, seq) =>
      applyAtHub(lattice, held, write.kind === "add" ? write : { ...write, context: seq }, 0, seq),
    tellEdge(held, told, isPending) {
      const value = absorbAtEdge(held, told, isPending);
      return { value, isAhead: value.op !== null };
    },
    tellHub(held, op, { link, seq }) {
      const value = applyAtHub(lattice, held, op, link, seq);
      const joined = value && viewAtHub(value);
      // The sender does not see an addition that won over what it did: it is told.
      const isTheirs =
        joined === null || (op.kind === "add" && lattice.lessOrEqual(joined, op.value));
      return value && { value, isTheirs };
    },
    stabilize(held, changedSeq, seq) {
      const entry = stabilizeEntry(lattice, held, seq);
      return viewAtHub(entry) === null && changedSeq <= seq ? null : entry;
    },
    isCollectable: true,
    hasTombstones: false,
    stampOf(travelled) {
      // Values are never operations: last writes, or the unit.
      const { kind, value } = (travelled ?? {}) as { kind?: string; value?: Value };
      const written = kind ? value : (travelled as Value | null);
      return written ? stampOf?.(written) : null;
    },
    restamp: (held, stamp) =>
      held.op?.kind === "add" ? added(restamp(held.op.value, stamp)) : held,
    reframe({ present, op }, context) {
      const isRemoval = op?.kind === "remove";
      return { present, op: isRemoval ? { ...op, context: Math.min(op.context, context) } : op };
    },
    confirm: ({ present }) => ({ present, op: null }),
    resend: ({ present }) => (present === null ? null : added(present)),
    viewAtEdge: (held) => held.present,
    viewAtHub,
  };
}

/** What an edge holds that has added a value to nothing. */
function added<Value>(value: Value): StarEdgeEntry<Value> {
  return { present: value, op: { kind: "add", value } };
}

/** Null: nothing was there. */
function applyAtHub<Value>(
  lattice: Lattice<Value>,
  held: StarHubEntry<Value> = NOTHING_AT_HUB,
  op: StarOp<Value>,
  link: number,
  seq: number,
): StarHubEntry<Value> | null {
  if (op.kind === "add") return addAtHub(lattice, held, link, op.value, seq);
  const left = removeAtHub(held, link, op.context);
  return left === held ? null : left;
}
