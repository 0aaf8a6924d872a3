// How do counts travel of which an edge has only to know the total? Each life of a replica has its own
// component at the hub, and an edge tells its own. The hub tells an edge the lives of its own replica
// one by one, as it holds them, and of all others one total a name: no edge meets another, so who
// counted what of it is the hub's business.

import { total, type CountComponent } from "../crdt/counts.ts";
import type { PnComponent } from "../crdt/pn-counter.ts";
import { isWritable } from "../wire/values.ts";
import { SEPARATOR, settled, type ComponentKind } from "./component.ts";
import { countsKind, gCounterKind, pnCounterKind } from "./kinds.ts";
import type { Entry } from "./table.ts";

/** Grow-only counter as totals: keys are componentKey(name, life); at an edge also othersKey(name). */
export const gTotalKind: ComponentKind<number> = /* @__PURE__ */ inTotal(
  12,
  gCounterKind,
  (left, right) => left + right,
);

/** Counter that goes both ways as totals: keys as in gTotalKind. */
export const pnTotalKind: ComponentKind<PnComponent> = /* @__PURE__ */ inTotal(
  13,
  pnCounterKind,
  (left, right) => ({
    added: left.added + right.added,
    removed: left.removed + right.removed,
  }),
);

/** Counts, exact sums and spread as totals: keys as in gTotalKind. */
export const countsTotalKind: ComponentKind<CountComponent> = /* @__PURE__ */ inTotal(
  14,
  countsKind,
  (left, right) => total([left, right]),
);

/** Names what the replicas of others have counted of what `name` counts: the hub's word. */
export function othersKey(name: string): string {
  return name + SEPARATOR;
}

/** Makes the kind of components of which all that are not an edge's own are told as one. */
function inTotal<Value>(
  code: number,
  kind: ComponentKind<Value>,
  add: (left: Value, right: Value) => Value,
): ComponentKind<Value> {
  return {
    ...kind,
    code,
    // What others have counted is the hub's word, also where it was put back and knows less.
    tellEdge(held, told, isPending, key) {
      if (!isOthers(key)) return kind.tellEdge(held, told, isPending, key);
      return { value: settled(told, told), isAhead: false };
    },
    resend: (held, key) => (isOthers(key) ? null : held),
    tell(held, stored, replica) {
      const { collection, key, entry } = held;
      const others = othersOf(key);
      const own = `${others + replica}#`;
      if (others === "" || key.startsWith(own)) return { ...held, value: entry.value };
      const all = stored.entries(collection);
      const lives = (livesOf(all).get(others) ?? [])
        .filter((life) => !life.startsWith(own))
        .map((life) => all.get(life) as Entry<Value>);
      // Their total has one place in the order of changes: that of the last of them.
      if (lives.some(({ seq }) => seq > entry.seq)) return null;
      const value = lives.map((life) => life.value).reduce(add);
      // One that has no form any more is of edges that do not count: they may not stop the others.
      return isWritable(kind.down, value) ? { collection, key: others, value } : null;
    },
  };
}

function isOthers(key = ""): boolean {
  return key.endsWith(SEPARATOR);
}

/** Under which key an edge holds what others counted beside this life; empty: the key names no life. */
function othersOf(key: string): string {
  return key.slice(0, key.lastIndexOf(SEPARATOR) + 1);
}

/** The keys of components by othersOf(), as they were when there were so many. */
interface Names {
  readonly size: number;
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

const NAMES = new WeakMap<ReadonlyMap<string, unknown>, Names>();

/** Components of a hub are added and never go. */
function livesOf(held: ReadonlyMap<string, unknown>): Names["keys"] {
  const known = NAMES.get(held);
  if (known?.size === held.size) return known.keys;
  const keys = Map.groupBy(held.keys(), othersOf);
  NAMES.set(held, { size: held.size, keys });
  return keys;
}
