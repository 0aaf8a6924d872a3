// Which small worlds are explored? Two edges, three keys, and what each edge does in its order; and how
// often each thing may go wrong.

import { erase, write } from "../../../sync/crdt/lww-register.ts";
import type { Hlc } from "../../../sync/clock/hlc.ts";
import type { Draft } from "../../../sync/replica/draft.ts";
import { collection } from "../../../sync/replica/kind.ts";
import { lwwKind, setKind } from "../../../sync/replica/kinds.ts";

export type Key = "a" | "b" | "c";
export type Verb = "put" | "remove";

/** A write of an edge: puts a key, or removes it. */
export type Step = readonly [verb: Verb, key: Key];

/** A write that was made. */
export interface Write {
  readonly id: number;
  readonly verb: Verb;
  readonly key: Key;
  readonly stamp: Hlc;
  /** Writes that its edge knew. */
  readonly seen: ReadonlySet<number>;
}

/** What may happen besides writes, deliveries and waking links, and how often on one path. */
export type Fault = "repeat" | "crash" | "crash-hub" | "copy" | "restore" | "lease";

export interface Model {
  readonly name: string;
  readonly scripts: readonly (readonly Step[])[];
  readonly faults: Readonly<Record<Fault, number>>;
  readonly kind: "lww" | "set";
}

const FIELDS = collection(1, "both", lwwKind);
const MEMBERS = collection(2, "both", setKind);
export const COLLECTIONS = [FIELDS, MEMBERS];
export const KEYS: readonly Key[] = ["a", "b", "c"];

/** Removals are left out where a lease may end or a copy come back: what they promise then is weaker. */
export const MODELS: readonly Model[] = [
  {
    name: "last-writes",
    kind: "lww",
    scripts: [
      [
        ["put", "a"],
        ["put", "b"],
      ],
      [
        ["put", "a"],
        ["put", "c"],
      ],
    ],
    faults: { repeat: 1, crash: 1, "crash-hub": 1, copy: 1, restore: 1, lease: 1 },
  },
  {
    name: "deletions",
    kind: "lww",
    scripts: [
      [
        ["put", "a"],
        ["remove", "a"],
      ],
      [
        ["put", "a"],
        ["put", "b"],
      ],
    ],
    faults: { repeat: 1, crash: 1, "crash-hub": 1, copy: 0, restore: 0, lease: 0 },
  },
  {
    name: "star-set",
    kind: "set",
    scripts: [
      [
        ["put", "a"],
        ["remove", "a"],
        ["put", "a"],
      ],
      [
        ["put", "a"],
        ["remove", "a"],
        ["put", "c"],
      ],
    ],
    faults: { repeat: 1, crash: 1, "crash-hub": 1, copy: 0, restore: 0, lease: 0 },
  },
];

/** Makes a write of a model in a commit. */
export function apply({ kind }: Model, draft: Draft, [verb, key]: Step, id: number): void {
  const { stamp } = draft;
  if (kind === "lww") draft.write(FIELDS, key, verb === "put" ? write(id, stamp) : erase(stamp));
  else draft.write(MEMBERS, key, verb === "put" ? { kind: "add", value: true } : { kind: verb });
}

/** What a replica shows of the model's keys: the number of the last write; 0 for a member. */
export function shownBy(
  { kind }: Model,
  replica: Pick<Draft, "read">,
): Partial<Record<Key, number>> {
  const shown: Partial<Record<Key, number>> = {};
  for (const key of KEYS) {
    if (kind === "lww") {
      const held = replica.read(FIELDS, key);
      if (held !== null) shown[key] = Number(held.value);
    } else if (replica.read(MEMBERS, key) !== null) shown[key] = 0;
  }
  return shown;
}

/** What everybody has to show once all of `owed` are known everywhere. */
export function expected({ kind }: Model, owed: readonly Write[]): Partial<Record<Key, number>> {
  const shown: Partial<Record<Key, number>> = {};
  for (const key of KEYS) {
    const own = owed.filter((write) => write.key === key);
    const last = kind === "lww" ? lastOf(own) : null;
    if (last !== null && last.verb === "put") shown[key] = last.id;
    // An addition stays unless a removal had seen it.
    if (kind === "set" && own.some((each) => isLeft(each, own))) shown[key] = 0;
  }
  return shown;
}

/** By stamp; of two with one stamp a deletion, then the greater value. */
function lastOf(writes: readonly Write[]): Write | null {
  const rank = ({ stamp, verb, id }: Write): number[] => [
    stamp.wallMs,
    stamp.logical,
    verb === "remove" ? 1 : 0,
    id,
  ];
  const sorted = writes.toSorted((left, right) => {
    const [a, b] = [rank(left), rank(right)];
    const at = a.findIndex((part, i) => part !== b[i]);
    return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
  });
  return sorted.at(-1) ?? null;
}

function isLeft(added: Write, all: readonly Write[]): boolean {
  if (added.verb === "remove") return false;
  return !all.some(({ verb, seen }) => verb === "remove" && seen.has(added.id));
}
