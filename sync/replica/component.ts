// How is a count kept that only one life of one replica moves? As an entry of its own, named after
// the life. Should the life end because its storage was restored or cloned, what the hub has not
// confirmed moves to the next life: the hub's copy of the old one may hold something else.

import type { Lattice } from "../crdt/lattice.ts";
import { recordCodec, type Codec } from "../wire/values.ts";
import { starDownCodec as optionalCodec } from "../wire/values/star.ts";
import { joinKind, type KindOf, type Lives, type Renewed } from "./kind.ts";

/** What an edge holds of a value that names the life it was written in. */
export interface Component<Value> {
  readonly value: Value;
  /** What of it the hub has confirmed; null: nothing. */
  readonly confirmed: Value | null;
}

export type ComponentKind<Value> = KindOf<Component<Value>, Value, Value, Value, Value, Value>;

/** What a kind of such values says beside its lattice and its codec. */
export interface ComponentTraits<Value> {
  readonly renew: (
    key: string,
    held: Component<Value>,
    lives: Lives,
  ) => readonly Renewed<Component<Value>>[] | null;
  readonly weigh?: (value: Value) => number;
}

const SEPARATOR = "|";

/** Names the component of `life` of what `name` counts. */
export function componentKey(name: string, life: string): string {
  return `${name}${SEPARATOR}${life}`;
}

/** Reads the name back out of a component's key. */
export function nameOfComponent(key: string): string {
  return key.slice(0, key.lastIndexOf(SEPARATOR));
}

/** Moves what a component counts beyond `confirmed` to the component of the next life. */
export function moveCount<Value>(
  { bottom, lessOrEqual }: Lattice<Value>,
  subtract: (value: Value, confirmed: Value) => Value,
): ComponentTraits<Value>["renew"] {
  return (key, { value, confirmed }, { old, next }) => {
    if (!key.endsWith(SEPARATOR + old)) return null;
    const moved = confirmed === null ? value : subtract(value, confirmed);
    const kept = { key, value: confirmed === null ? null : { value: confirmed, confirmed } };
    // It may be there to be sent once more: a component that counts nothing cannot be written.
    if (lessOrEqual(moved, bottom)) return [kept];
    const moves = { value: moved, confirmed: null };
    return [kept, { key: componentKey(nameOfComponent(key), next), value: moves }];
  };
}

/** Makes the kind of a value that names the life it was written in. */
export function componentKind<Value>(
  code: number,
  lattice: Lattice<Value>,
  codec: Codec<Value>,
  { renew, weigh }: ComponentTraits<Value>,
): ComponentKind<Value> {
  const plain = joinKind(code, lattice, codec, weigh === undefined ? {} : { weigh });
  return {
    ...plain,
    edge: recordCodec({ value: codec, confirmed: optionalCodec(codec) }),
    toUp: ({ value }) => value,
    writeAtEdge(held, delta, context) {
      const value = plain.writeAtEdge(held?.value, delta, context);
      return value === null ? null : { value, confirmed: held?.confirmed ?? null };
    },
    tellEdge(held, told, isPending) {
      const { value, isAhead } = plain.tellEdge(held?.value, told, isPending);
      return { value: value === null ? null : { value, confirmed: told }, isAhead };
    },
    isGone: () => false,
    restamp: (held) => held,
    reframe: (held) => held,
    confirm: ({ value }) => ({ value, confirmed: value }),
    resend: (held) => held,
    renew,
    viewAtEdge: ({ value }) => value,
  };
}
