// How does one entry of a collection live at an edge, travel, and live at the hub? A kind says it
// for one type of value, so that replicas, frames and storage treat all types alike.

import type { Hlc } from "../clock/hlc.ts";
import type { Lattice, ReplicaKey } from "../crdt/lattice.ts";
import { same, type Codec } from "../wire/values.ts";
import type { Said } from "./groups.ts";
import type { StoredTable } from "./stored-table.ts";
import type { Held } from "./table.ts";

/** Which way entries travel: from the edges to the hub, from the hub to the edges, or both. */
export type Direction = "up" | "down" | "both";

/** What an edge holds after the hub told it of an entry. */
export interface AtEdge<Edge> {
  readonly value: Edge;
  /** True if the edge holds something that the hub has not: it is to be sent. */
  readonly isAhead: boolean;
}

/** What the hub holds after an edge sent an entry. */
export interface AtHub<Hub> {
  readonly value: Hub;
  /** True if the result is what the sender holds, so that it need not be told. */
  readonly isTheirs: boolean;
}

/** Where the hub stands when it hears of an entry. */
export interface HearingAt {
  readonly link: number;
  /** The hub's seq that the entry gets. */
  readonly seq: number;
}

/** The keys of a replica's life that ends and of the one that begins. */
export interface Lives {
  readonly old: ReplicaKey;
  readonly next: ReplicaKey;
}

/** An entry after the change of lives; null: there is none. */
export interface Renewed<Edge> {
  readonly key: string;
  readonly value: Edge | null;
}

/**
 * One replicated type, entry by entry: `Edge` and `Hub` are what the two ends hold of a key, `Up` and
 * `Down` what travels, `Delta` what a writer gives, `View` what a reader sees (null: nothing).
 */
export interface KindOf<Edge, Hub, Up, Down, Delta, View> {
  /** Names the kind on the wire and in storage; never used again for another. */
  readonly code: number;
  readonly up: Codec<Up>;
  readonly down: Codec<Down>;
  readonly edge: Codec<Edge>;
  readonly hub: Codec<Hub>;
  readonly toUp: (held: Edge) => Up;
  readonly toDown: (held: Hub) => Down;
  /** Applies a write at an edge that knows the hub up to `context`. Null: there is nothing to do. */
  readonly writeAtEdge: (held: Edge | undefined, delta: Delta, context: number) => Edge | null;
  /** Applies a write at the hub itself. Null: there is nothing to do. */
  readonly writeAtHub: (held: Hub | undefined, delta: Delta, seq: number) => Hub | null;
  readonly tellEdge: (
    held: Edge | undefined,
    told: Down,
    isPending: boolean,
    key?: string,
  ) => AtEdge<Edge>;
  /** Null: nothing changes. */
  readonly tellHub: (held: Hub | undefined, sent: Up, at: HearingAt) => AtHub<Hub> | null;
  /** Forgets what every link has acknowledged (`seq` and below). Null: the entry may go. */
  readonly stabilize: (held: Hub, changedSeq: number, seq: number) => Hub | null;
  /** Bytes of what one write may leave; none: what the codec takes. */
  readonly writeBytesMax?: number;
  /** Tells whether the hub, and with it an edge, may drop an entry for good. */
  readonly isCollectable: boolean;
  /** True if a deletion beats what is stamped earlier, wherever it was written. */
  readonly hasTombstones: boolean;
  /** The latest stamp in a value; null if it has none. */
  readonly stampOf?: ((travelled: Up | Down) => Hlc | null | undefined) | undefined;
  /** The same write under another stamp, for a clock that was wrong. */
  readonly restamp: (held: Edge, stamp: Hlc) => Edge;
  /** The same write by an edge whose knowledge of the hub reaches only to `context`; none: any is. */
  readonly reframe?: (held: Edge, context: number) => Edge;
  /** Remembers what was sent as `seq`, before it is written to; none: nothing is to be. */
  readonly keepSent?: (held: Edge, seq: number) => Edge;
  /** What an edge does to an entry once the hub holds it; none: nothing. */
  readonly confirm?: (held: Edge) => Edge;
  /**
   * The same once the hub holds what was sent up to `seq`, and the entry was written to since. Null:
   * nothing changes.
   */
  readonly confirmSent?: (held: Edge, seq: number) => Edge | null;
  /** Sends an entry that the hub has lost once more. Null: there is nothing to send; none: as it is. */
  readonly resend?: (held: Edge, key: string) => Edge | null;
  /**
   * Moves to the next life of a replica what of an entry the hub has not confirmed, if it names the
   * life it was written in; the hub may hold something else under that name. Null: it names none.
   */
  readonly renew?: (key: string, held: Edge, lives: Lives) => readonly Renewed<Edge>[] | null;
  /** As what an entry of a hub is told to a replica; null: as what changed later. None: as it is. */
  readonly tell?: (entry: Held, stored: StoredTable, replica: string) => Said | null;
  readonly viewAtEdge: (held: Edge) => View | null;
  readonly viewAtHub: (held: Hub) => View | null;
}

/** A kind whose types only its own collection knows. */
export type Kind = KindOf<unknown, unknown, unknown, unknown, unknown, unknown>;

/** Who sent an entry, and when by the hub's clock. */
export interface Sender {
  readonly replica: string;
  readonly nowMs: number;
}

/**
 * What a hub takes of a collection from its edges. Asked once a frame; what it gives says of each of
 * the frame's entries why it is refused, in kebab-case, or null: it is taken.
 *
 * @param held What is held of the collection, with what was taken of the frame so far.
 */
export type EntryRule<Up> = (
  held: ReadonlyMap<string, unknown>,
  sender: Sender,
) => (key: string, value: Up) => string | null;

/** A collection of keyed entries of one kind. */
export interface Collection<Delta = never, View = unknown> {
  /** Names the collection on the wire, from 1; never used again for another. */
  readonly id: number;
  readonly direction: Direction;
  readonly kind: Kind;
  /** None: whatever the kind can read is taken. */
  readonly rule?: EntryRule<unknown> | undefined;
  /** Never there: carries the types of writers and readers. */
  readonly types?: { readonly delta: (delta: Delta) => void; readonly view: View };
}

/** Declares a collection; its writers give `Delta`s and its readers get `View`s. */
export function collection<Edge, Hub, Up, Down, Delta, View>(
  id: number,
  direction: Direction,
  kind: KindOf<Edge, Hub, Up, Down, Delta, View>,
  rule?: EntryRule<Up>,
): Collection<Delta, View> {
  return {
    id,
    direction,
    kind: kind as unknown as Kind,
    rule: rule as EntryRule<unknown> | undefined,
  };
}

/** What a kind made of a join-semilattice may say beside its lattice and its codec. */
export interface JoinTraits<Value> {
  readonly isTombstone?: ((value: Value) => boolean) | undefined;
  readonly stampOf?: ((value: Value) => Hlc | null) | undefined;
  readonly restamp?: ((value: Value, stamp: Hlc) => Value) | undefined;
}

/** The kind of a lattice: an edge needs to do nothing to what it holds. */
export type JoinKind<Value> = Omit<
  KindOf<Value, Value, Value, Value, Value, Value>,
  "reframe" | "keepSent" | "confirm" | "confirmSent" | "resend" | "renew" | "tell"
>;

/** Makes the kind of a lattice: both ends hold the value itself, and deltas are values. */
export function joinKind<Value>(
  code: number,
  lattice: Lattice<Value>,
  codec: Codec<Value>,
  { isTombstone, stampOf, restamp = same }: JoinTraits<Value> = {},
): JoinKind<Value> {
  const { join, lessOrEqual } = lattice;
  const hasTombstones = isTombstone !== undefined;
  const write = (held = lattice.bottom, delta: Value): Value | null => {
    return lessOrEqual(delta, held) ? null : join(held, delta);
  };
  const view = (held: Value): Value | null => (isTombstone?.(held) ? null : held);
  return {
    code,
    up: codec,
    down: codec,
    edge: codec,
    hub: codec,
    toUp: same,
    toDown: same,
    writeAtEdge: write,
    writeAtHub: write,
    tellEdge(held = lattice.bottom, told) {
      const isAhead = !lessOrEqual(held, told);
      return { value: isAhead ? join(held, told) : told, isAhead };
    },
    tellHub(held = lattice.bottom, sent) {
      if (lessOrEqual(sent, held)) return null;
      return { value: join(held, sent), isTheirs: lessOrEqual(held, sent) };
    },
    stabilize: (held, changedSeq, seq) => (isTombstone?.(held) && changedSeq <= seq ? null : held),
    isCollectable: hasTombstones,
    hasTombstones,
    stampOf,
    restamp,
    viewAtEdge: view,
    viewAtHub: view,
  };
}
