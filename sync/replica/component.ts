// How is a count kept that only one life of one replica moves? As an entry of its own, named after
// the life. Should the life end because its storage was restored or cloned, what the hub has not
// confirmed moves to the next life: the hub's copy of the old one may hold something else.

import { replicaKey, type Lattice, type ReplicaKey } from "../crdt/lattice.ts";
import { REPLICA_EPOCH_MAX } from "../limits.ts";
import {
  casesCodec,
  listCodec,
  naturalCodec,
  nullCodec,
  pairCodec,
  recordCodec,
  same,
  type Codec,
} from "../wire/values.ts";
import { optionalCodec } from "../wire/values/star.ts";
import { joinKind, type KindOf, type Lives, type Renewed } from "./kind.ts";

/** What an edge holds of a value that names the life it was written in. */
export interface Component<Value> {
  readonly value: Value;
  /** What of it the hub has confirmed; null: nothing. */
  readonly confirmed: Value | null;
  /** What it was when it was sent, under which seq, where it was written to before an answer came. */
  readonly sent?: Sent<Value>;
}

type Sent<Value> = readonly { readonly seq: number; readonly value: Value }[];

/** What the hub is not known to have anything of but `confirmed`, and nothing is under way. */
export function settled<Value>(value: Value, confirmed: Value | null): Component<Value> {
  return { value, confirmed };
}

export type ComponentKind<Value> = KindOf<Component<Value>, Value, Value, Value, Value, Value>;

/** What a kind of such values says beside its lattice and its codec. */
export interface ComponentTraits<Value> {
  readonly renew: (
    key: string,
    held: Component<Value>,
    lives: Lives,
  ) => readonly Renewed<Component<Value>>[] | null;
  readonly writeBytesMax?: number;
}

export const SEPARATOR = "|";

/** Names the component of `life` of what `name` counts. */
export function componentKey(name: string, life: string): string {
  return name + SEPARATOR + life;
}

/** Reads the name back out of a component's key. */
export function nameOfComponent(key: string): string {
  return key.slice(0, key.lastIndexOf(SEPARATOR));
}

/** The key that a key may become: as long as it gets in a life with the highest epoch. */
export function longestKey(key: string, { replica, replicaEpoch }: Life): string {
  const old = replicaKey(replica, replicaEpoch);
  return inLife(key, old, replicaKey(replica, REPLICA_EPOCH_MAX)) ?? key;
}

/** The key in the next life of a component's; null if it names none, or another life. */
function inLife(key: string, old: ReplicaKey, next: ReplicaKey): string | null {
  return key.endsWith(SEPARATOR + old) ? key.slice(0, -old.length) + next : null;
}

interface Life {
  readonly replica: string;
  readonly replicaEpoch: number;
}

/** Moves what a component counts beyond `confirmed` to the component of the next life. */
export function moveCount<Value>(
  lattice: Lattice<Value>,
  subtract: (value: Value, confirmed: Value) => Value,
): ComponentTraits<Value>["renew"] {
  return (key, { value, confirmed }, { old, next }) => {
    const name = inLife(key, old, next);
    if (name === null) return null;
    const moved = confirmed === null ? value : subtract(value, confirmed);
    const kept = { key, value: confirmed === null ? null : settled(confirmed, confirmed) };
    // It may be there to be sent once more: a component that counts nothing cannot be written.
    if (lattice.lessOrEqual(moved, lattice.bottom)) return [kept];
    return [kept, { key: name, value: settled(moved, null) }];
  };
}

/** Makes the kind of a value that names the life it was written in. */
export function componentKind<Value>(
  code: number,
  lattice: Lattice<Value>,
  codec: Codec<Value>,
  traits: ComponentTraits<Value>,
): ComponentKind<Value> {
  const plain = joinKind(code, lattice, codec);
  return {
    ...plain,
    ...traits,
    edge: componentCodec(codec),
    toUp: (held) => held.value,
    writeAtEdge(held, delta, context) {
      const value = plain.writeAtEdge(held?.value, delta, context);
      return value === null ? null : { confirmed: null, ...held, value };
    },
    tellEdge(held, told, isPending) {
      const { value, isAhead } = plain.tellEdge(held?.value, told, isPending);
      return { value: settled(value, told), isAhead };
    },
    restamp: same,
    keepSent: (held, seq) => ({
      ...held,
      sent: [...(held.sent ?? []), { seq, value: held.value }],
    }),
    confirm: ({ value }) => settled(value, value),
    confirmSent({ value, sent = [] }, seq) {
      const last = sent.findLast((at) => at.seq <= seq);
      const under = sent.filter((at) => at.seq > seq);
      return last
        ? { value, confirmed: last.value, ...(under.length > 0 && { sent: under }) }
        : null;
    },
    viewAtEdge: (held) => held.value,
  };
}

/** Most components have nothing under way: theirs is a case of its own. */
function componentCodec<Value>(codec: Codec<Value>): Codec<Component<Value>> {
  const confirmed = optionalCodec(codec);
  const sent = listCodec(recordCodec({ seq: naturalCodec, value: codec }));
  const rest = casesCodec<Rest<Value>, unknown>(
    [nullCodec, codec, recordCodec({ confirmed, sent })] as Codec<unknown>[],
    (held) => (held.sent ? 2 : Number(held.confirmed !== null)),
    (held) => (held.sent ? held : held.confirmed),
    (cell, which) => (which === 2 ? cell : { confirmed: cell }) as Rest<Value>,
  );
  return pairCodec<Component<Value>, Value, Rest<Value>>(
    codec,
    rest,
    ({ value }) => value,
    same,
    (value, held) => ({ value, ...held }),
  );
}

type Rest<Value> = Pick<Component<Value>, "confirmed" | "sent">;
