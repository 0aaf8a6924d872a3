// Is the value right that a key has at rest? Beside oracles that know the writes and nothing of how
// they travelled.

import { alert } from "../../../sync/crdt/alert.ts";
import type { CountComponent } from "../../../sync/crdt/counts.ts";
import type { Lattice } from "../../../sync/crdt/lattice.ts";
import { lwwRegister, type LwwRegister } from "../../../sync/crdt/lww-register.ts";
import { maxRegister, minRegister } from "../../../sync/crdt/max-register.ts";
import type { MvRegister } from "../../../sync/crdt/mv-register.ts";
import type { PnComponent } from "../../../sync/crdt/pn-counter.ts";
import { versioned } from "../../../sync/crdt/versioned.ts";
import {
  alertKind,
  countsKind,
  gCounterKind,
  lwwKind,
  mapKind,
  maxKind,
  minKind,
  mvKind,
  pnCounterKind,
  setKind,
  versionedKind,
} from "../../../sync/replica/kinds.ts";
import { nameOfComponent } from "../../../sync/replica/component.ts";
import type { Collection } from "../../../sync/replica/kind.ts";
import type { Write } from "../ledger.ts";
import { lateFields, LASTING_KEYS, loads, traffic } from "../schema.ts";
import { TOTALS } from "./totals.ts";
import { canonical } from "./canonical.ts";
import { require, type Checker, type View } from "./checker.ts";
import { hubView } from "./convergence.ts";
import { collectionsOf, everWritten, nameOf, owedBy } from "./owed.ts";

const CHAINS = new Map<number, Lattice<unknown>>([
  [lwwKind.code, lwwRegister as unknown as Lattice<unknown>],
  [maxKind.code, maxRegister as unknown as Lattice<unknown>],
  [minKind.code, minRegister as unknown as Lattice<unknown>],
  [alertKind.code, alert as unknown as Lattice<unknown>],
  [versionedKind.code, versioned as unknown as Lattice<unknown>],
]);

/**
 * The value of a key is the greatest that is owed; a write that was stamped anew counts with its new
 * stamp. Weaker: of keys that are deleted, where a replica was away beyond its lease or a copy was
 * put back, an unsent write may have been dropped with a deletion that was collected.
 */
export const lastWrite: Checker = {
  ids: [
    "sync.last-write-wins",
    "sync.no-acked-write-lost",
    "sync.unknown-kept",
    "sync.no-resurrection",
  ],
  onRest(view) {
    const owed = owedBy(view);
    const ever = everWritten(view);
    for (const collection of collectionsOf(view, [...CHAINS.keys()])) {
      const shown = hubView(view, collection);
      for (const key of new Set([...shown.keys(), ...keysOf(owed, collection)]))
        checkChain(view, collection, key, shown.get(key), { owed, ever });
    }
  },
};

interface Written {
  readonly owed: Map<string, Write[]>;
  readonly ever: Map<string, Write[]>;
}

function keysOf(owed: Map<string, Write[]>, { id }: Collection): string[] {
  const prefix = `${id}/`;
  return [...owed.keys()].flatMap((name) =>
    name.startsWith(prefix) ? [name.slice(prefix.length)] : [],
  );
}

function checkChain(
  view: View,
  collection: Collection,
  key: string,
  shown: unknown,
  { owed, ever }: Written,
): void {
  const name = nameOf({ collection, key });
  const isGenuine = (ever.get(name) ?? []).some(({ what }) => isSameContent(what, shown));
  require(shown === undefined || isGenuine, "sync.last-write-wins", () => {
    return `${name} is ${canonical(shown)}: not written`;
  });
  const lattice = CHAINS.get(collection.kind.code);
  const values = (owed.get(name) ?? []).flatMap(({ what }) =>
    what.kind === "chain" && what.value !== null ? [what.value as unknown] : [],
  );
  if (lattice === undefined || values.length === 0 || isWeak(view, collection, key)) return;
  const greatest = values.reduce<unknown>((left, right) => lattice.join(left, right), values[0]);
  const isErased = collection.kind.code === lwwKind.code && (greatest as LwwRegister).isDeleted;
  const isKept = isErased
    ? shown === undefined
    : shown !== undefined && lattice.lessOrEqual(greatest, shown);
  require(isKept, idOfLoss(collection, isErased), () => {
    return `${name} is ${canonical(shown)}, but ${canonical(greatest)} was written`;
  });
}

function idOfLoss({ id }: Collection, isErased: boolean): string {
  if (isErased) return "sync.no-resurrection";
  return id === lateFields.id ? "sync.unknown-kept" : "sync.no-acked-write-lost";
}

function isWeak({ taint }: View, collection: Collection, key: string): boolean {
  const isPassing = collection.kind.code === lwwKind.code && !LASTING_KEYS.includes(key);
  const isAway = taint.forgotten || taint.hubDamaged || taint.edgeCopies || taint.hubRestored;
  return isPassing && (isAway || taint.vague.has(nameOf({ collection, key })));
}

function isSameContent(what: Write["what"], shown: unknown): boolean {
  if (what.kind !== "chain") return false;
  const value = what.value ?? what.replaced;
  if (typeof value !== "object" || value === null) return value === shown;
  const unstamped = (held: unknown): string => canonical({ ...(held as object), stamp: 0 });
  return unstamped(value) === unstamped(shown);
}

const COUNTS = [
  gCounterKind.code,
  pnCounterKind.code,
  countsKind.code,
  ...TOTALS.map(({ code }) => code),
];

/**
 * What was counted is counted once: totals are the sums of what is owed. Counts have no identity, so
 * what a copy of a disk had counted and not yet sent may count once more when both go on; it is
 * never lost.
 *
 * Weaker: where a disk of an edge was copied and a copy of the hub's was put back, two copies that
 * were never found out may have counted under one life, one what the hub then forgot and the other
 * after. One name holds one of two counts, so nothing that such a life counted need be there; what
 * other lives counted must. And the hub put back may take what a life had sent before it ended and
 * was said once more. There is still a bound above.
 */
export const countedOnce: Checker = {
  ids: ["sync.counted-once"],
  onRest(view) {
    const owed = owedBy(view);
    const ever = everWritten(view);
    for (const collection of collectionsOf(view, COUNTS)) {
      const totals = new Map<string, readonly number[]>();
      for (const [key, held] of hubView(view, collection)) {
        const name = nameOfComponent(key);
        totals.set(name, addUp(totals.get(name) ?? [], partsOf(held)));
      }
      for (const key of new Set([...totals.keys(), ...keysOf(owed, collection)]))
        checkCount(view, nameOf({ collection, key }), totals.get(key) ?? [], { owed, ever });
    }
  },
};

/** Sums of values of either sign. */
const SIGNED = [traffic, loads];

function checkCount(
  view: View,
  name: string,
  total: readonly number[],
  { owed, ever }: Written,
): void {
  const { taint } = view;
  const sums = sumsOf(owed.get(name) ?? []);
  // What was lost with the disks of both ends may come back from a third, which had been told of it.
  const isForgotten = taint.edgeCopies && taint.hubRestored;
  const most = isForgotten ? sumsOf(ever.get(name) ?? []) : sums;
  const again = taint.recounted.get(name) ?? [];
  const said = taint.hubRestored ? (taint.saidTwice.get(name) ?? []) : [];
  const sure = (owed.get(name) ?? []).filter(({ life }) => !taint.copiedLives.has(life));
  const leasts = isForgotten ? sumsOf(sure) : sums;
  sums.forEach((_, i) => {
    const counted = total[i] ?? 0;
    const margin = (again[i] ?? 0) + (said[i] ?? 0);
    const least = leasts[i] ?? 0;
    // A sum of positive and negative values may be off either way when something counts twice.
    const isSigned = i === 1 && SIGNED.some(({ id }) => name.startsWith(`${id}/`));
    const low = isSigned ? least - margin : least;
    const high = (most[i] ?? 0) + margin;
    if (isSigned && isForgotten) return;
    require(counted >= low && counted <= high, "sync.counted-once", () => {
      return `${name}[${i}] counts ${counted}, not ${low} to ${high}`;
    });
  });
}

function sumsOf(writes: readonly Write[]): readonly number[] {
  return writes.reduce<readonly number[]>(
    (sum, { what }) => (what.kind === "count" ? addUp(sum, what.by) : sum),
    [],
  );
}

function partsOf(held: unknown): readonly number[] {
  if (typeof held === "number") return [held];
  if (typeof held === "object" && held !== null && "count" in held) {
    const { count, sum, histogram } = held as CountComponent;
    return [
      count,
      Number(sum.mantissa),
      [...histogram.values()].reduce((a, b) => a + b, 0) - count,
    ];
  }
  const { added, removed } = held as PnComponent;
  return [added, removed];
}

function addUp(left: readonly number[], right: readonly number[]): number[] {
  return Array.from(
    { length: Math.max(left.length, right.length) },
    (_, i) => (left[i] ?? 0) + (right[i] ?? 0),
  );
}

/**
 * A multi-value register holds the writes that no other had seen. Weaker: with copies it holds
 * writes. And where a start found a torn row while a frame was under way, a write of that frame may
 * stand beside the one that replaced it: the hub may hold it under the life that ended, and the next
 * life says what it holds under another name.
 */
export const concurrentNotes: Checker = {
  ids: ["sync.concurrent-values"],
  onRest(view) {
    const written = { owed: owedBy(view), ever: everWritten(view) };
    for (const collection of collectionsOf(view, [mvKind.code])) {
      for (const key of keysOf(written.owed, collection)) {
        const held = hubView(view, collection).get(key) as MvRegister | undefined;
        const shown = new Set([...(held?.values.values() ?? [])].map(String));
        checkNotes(view, nameOf({ collection, key }), shown, written);
      }
    }
  },
};

function checkNotes(
  { taint }: View,
  name: string,
  shown: ReadonlySet<string>,
  written: Written,
): void {
  const ever = written.ever.get(name) ?? [];
  const due = uncovered(written.owed.get(name) ?? [], ever);
  const genuine = new Set(ever.flatMap(({ what }) => valueOf(what)));
  const check = (isKept: boolean, message: string): void =>
    require(isKept, "sync.concurrent-values", () => `${name} ${message}`);
  check(shown.size > 0 || due.size === 0, "is empty");
  for (const value of shown) check(genuine.has(value), `shows ${value}, which was never written`);
  // Copies of one life name different writes alike until they learn of each other.
  if (taint.edgeCopies || taint.hubRestored) return;
  for (const value of due) check(shown.has(value), `lacks ${value}, it shows ${[...shown].join()}`);
  for (const value of shown)
    check(due.has(value) || taint.doubtful.has(value), `shows ${value}, which was replaced`);
}

/** The values that no write has seen; a write that was lost may have been seen by one that was not. */
function uncovered(owed: readonly Write[], ever: readonly Write[]): Set<string> {
  const seen = new Set<string>();
  const byValue = new Map(
    ever.flatMap(({ what }) => (what.kind === "note" ? [[what.value, what.sees] as const] : [])),
  );
  const visit = (value: string): void => {
    for (const before of byValue.get(value) ?? []) {
      if (seen.has(before)) continue;
      seen.add(before);
      visit(before);
    }
  };
  const values = owed.flatMap(({ what }) => valueOf(what));
  for (const value of values) visit(value);
  return new Set(values.filter((value) => !seen.has(value)));
}

function valueOf(what: Write["what"]): string[] {
  return what.kind === "note" ? [what.value] : [];
}

/**
 * Add-wins set and map (Bieniusa et al. 2012): a key is there if an addition of it has not been seen
 * by a removal. An addition that another life says once more counts as made anew.
 */
export const addWins: Checker = {
  ids: ["sync.add-wins"],
  onRest(view) {
    const written = { owed: owedBy(view), ever: everWritten(view) };
    for (const collection of collectionsOf(view, [setKind.code, mapKind.code])) {
      const shown = hubView(view, collection);
      for (const key of new Set([...shown.keys(), ...keysOf(written.ever, collection)]))
        checkPresence(view, nameOf({ collection, key }), shown.has(key), written);
    }
  },
};

function checkPresence(view: View, name: string, isThere: boolean, written: Written): void {
  const { taint, hub } = view;
  const made = written.ever.get(name) ?? [];
  const hasAny = made.some(({ what }) => what.kind === "add");
  require(hasAny || !isThere, "sync.add-wins", () => `${name} was never added`);
  const adds = (written.owed.get(name) ?? []).filter(({ what }) => what.kind === "add");
  const isEverRemoved = made.some(({ what }) => what.kind === "remove");
  const isDue = !isEverRemoved && adds.length > 0;
  require(isThere || !isDue, "sync.add-wins", () => `${name} was added and never removed`);
  if (taint.edgeCopies || taint.hubRestored || taint.hubDamaged) return;
  const fates = adds.map(({ id }) => hub.shadow.fates.get(id) ?? "there");
  if (fates.includes("there"))
    require(isThere, "sync.add-wins", () => {
      return `${name} is gone, but nobody removed ${namesOf(adds, fates, "there")}`;
    });
  else if (!fates.includes("doubtful"))
    require(!isThere, "sync.no-resurrection", () => `${name} is there, but was removed`);
}

function namesOf(adds: readonly Write[], fates: readonly string[], fate: string): string {
  return adds.flatMap(({ id }, i) => (fates[i] === fate ? [`w${id}`] : [])).join();
}
