// Which values were written without knowing of each other? A multi-value register with a dot per
// write and a causal context: a write replaces what its author had seen and nothing else, so
// concurrent ones stand side by side (Almeida, Shoker, Baquero 2018; dotted version vectors).

import type { Lattice, ReplicaKey } from "./lattice.ts";
import type { Scalar } from "./lww-register.ts";

/** One write: its author's life and number there. */
export interface Dot {
  readonly replica: ReplicaKey;
  readonly seq: number;
}

export interface MvRegister {
  /** By dot, formatted `seq@replica`. */
  readonly values: ReadonlyMap<string, Scalar>;
  /** Everything seen: the dots of each life are 1 to this number. */
  readonly context: ReadonlyMap<ReplicaKey, number>;
}

export const mvRegister: Lattice<MvRegister> = {
  bottom: { values: new Map(), context: new Map() },
  join(left, right) {
    const values = new Map([...survivors(left, right), ...survivors(right, left)]);
    const context = new Map(left.context);
    for (const [replica, seq] of right.context) {
      context.set(replica, Math.max(context.get(replica) ?? 0, seq));
    }
    return { values, context };
  },
  lessOrEqual(left, right) {
    const isSeen = [...left.context].every(
      ([replica, seq]) => (right.context.get(replica) ?? 0) >= seq,
    );
    // What the right still holds must not be something that the left has seen replaced.
    return isSeen && survivors(right, left).length === right.values.size;
  },
};

/** Returns the delta of a write that replaces everything `state` holds. */
export function write(state: MvRegister, replica: ReplicaKey, value: Scalar): MvRegister {
  const seq = (state.context.get(replica) ?? 0) + 1;
  const context = new Map(state.context).set(replica, seq);
  return { values: new Map([[formatDot({ replica, seq }), value]]), context };
}

/**
 * Renames the writes of a life that ends, except those that `confirmed` holds: should the life have
 * been lived twice (a restored copy, a clone), its numbers name other writes elsewhere.
 */
export function renameDots(
  state: MvRegister,
  confirmed: MvRegister | null,
  old: ReplicaKey,
  next: ReplicaKey,
): MvRegister {
  const known = confirmed?.context.get(old) ?? 0;
  const seen = state.context.get(old) ?? 0;
  if (seen <= known) return state;
  const renamed = [...state.values].map(([dot, value]) => {
    const { replica, seq } = parseDot(dot);
    const isMoved = replica === old && seq > known;
    return [isMoved ? formatDot({ replica: next, seq: seq - known }) : dot, value] as const;
  });
  const context = new Map(state.context).set(next, seen - known);
  if (known > 0) context.set(old, known);
  else context.delete(old);
  return { values: new Map(renamed), context };
}

/** Lists the concurrent values, in one order on every replica. */
export function values(state: MvRegister): Scalar[] {
  return [...state.values].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, held]) => held);
}

/** What of `mine` the other holds too, or has not seen. */
function survivors(mine: MvRegister, other: MvRegister): [string, Scalar][] {
  return [...mine.values].filter(([dot]) => other.values.has(dot) || !hasSeen(other, dot));
}

function hasSeen(state: MvRegister, dot: string): boolean {
  const { replica, seq } = parseDot(dot);
  return seq <= (state.context.get(replica) ?? 0);
}

/** Names a write. */
export function formatDot({ replica, seq }: Dot): string {
  return `${seq}@${replica}`;
}

/** Reads what formatDot() wrote. */
export function parseDot(dot: string): Dot {
  const at = dot.indexOf("@");
  return { seq: Number(dot.slice(0, at)), replica: dot.slice(at + 1) };
}
