// What do the writers of a simulation do? A few writes to keys that others write too; each is noted in
// the ledger with what its author saw.

import { fire, acknowledge, resolve, type Alert } from "../../sync/crdt/alert.ts";
import { countComponent, observe, type CountComponent } from "../../sync/crdt/counts.ts";
import { erase, write as writeLast } from "../../sync/crdt/lww-register.ts";
import { mvRegister, write as writeNote, type MvRegister } from "../../sync/crdt/mv-register.ts";
import { add as addToCount, type PnComponent } from "../../sync/crdt/pn-counter.ts";
import { alert } from "../../sync/crdt/alert.ts";
import { versioned, publish } from "../../sync/crdt/versioned.ts";
import { componentKey } from "../../sync/replica/component.ts";
import type { Draft } from "../../sync/replica/draft.ts";
import type { StarWrite } from "../../sync/replica/star-kind.ts";
import type { Collection } from "../../sync/replica/kind.ts";
import type { Shadow, Write } from "./ledger.ts";
import type { Workload } from "./plan.ts";
import type { Prng } from "./prng.ts";
import * as schema from "./schema.ts";

/** A write as it is about to be made. */
export interface Made {
  readonly collection: Collection;
  readonly key: string;
  readonly what: Write["what"];
}

/** What a writer draws from. */
export interface Pen {
  readonly rng: Prng;
  readonly draft: Draft;
  /** A text that nobody else writes. */
  readonly text: string;
  readonly shadow: Shadow;
  readonly isHub: boolean;
  readonly isUnsure: boolean;
  /** The hub's seq that the writer knows. */
  readonly context: number;
  /** Finds the additions to a key among ids. */
  readonly additionsTo: (collection: Collection, key: string, ids: readonly number[]) => number[];
}

type Maker = (pen: Pen) => Made | null;

/** Makes one write of a kind. Null: there was nothing to do. */
export function makeWrite(workload: Workload, pen: Pen): Made | null {
  if (!pen.isHub) return pen.rng.pick(MAKERS[workload])(pen);
  return pen.rng.pick(workload === "sets" ? HUB_SETS : MAKERS.hub)(pen);
}

const last =
  (...collections: readonly (typeof schema.fields)[]): Maker =>
  ({ rng, draft, text }) => {
    const collection = rng.pick(collections);
    const key = rng.pick(schema.ALL_KEYS);
    const isErased = schema.PASSING_KEYS.includes(key) && rng.chance(0.5);
    const value = isErased ? erase(draft.stamp) : writeLast(text, draft.stamp);
    draft.write(collection, key, value);
    return { collection: collection as Collection, key, what: { kind: "chain", value } };
  };

const extreme =
  (...collections: readonly (typeof schema.revoked)[]): Maker =>
  ({ rng, draft }) => {
    const collection = rng.pick(collections);
    const key = rng.pick(schema.LASTING_KEYS);
    const value = rng.between(-20, 60);
    draft.write(collection, key, value);
    return { collection: collection as Collection, key, what: { kind: "chain", value } };
  };

/** A purge is numbered by its writer, above what it has numbered before. */
const mark: Maker = ({ rng, draft, isHub }) => {
  const writer = isHub ? "origin" : draft.life.slice(0, draft.life.indexOf("/"));
  const key = `${writer} ${rng.pick(["all", "tag"])}`;
  const value = (draft.read(schema.purges, key) ?? 0) + 1;
  draft.write(schema.purges, key, value);
  return { collection: schema.purges as Collection, key, what: { kind: "chain", value } };
};

const ring: Maker = ({ rng, draft, text }) => {
  const key = rng.pick(schema.LASTING_KEYS);
  const held = draft.read(schema.alerts, key) ?? alert.bottom;
  const value: Alert = rng.pick([fire, acknowledge, resolve])(held, draft.stamp, text);
  if (value === held) return null;
  draft.write(schema.alerts, key, value);
  return { collection: schema.alerts as Collection, key, what: { kind: "chain", value } };
};

const addMember =
  (...collections: readonly (typeof schema.members)[]): Maker =>
  ({ rng, draft }) => {
    const collection = rng.pick(collections);
    const key = rng.pick(schema.ALL_KEYS);
    draft.write(collection, key, { kind: "add", value: true });
    return { collection: collection as Collection, key, what: { kind: "add", value: true } };
  };

const addLabel: Maker = ({ rng, draft, text }) => {
  const key = rng.pick(schema.ALL_KEYS);
  const value = writeLast(text, draft.stamp);
  draft.write(schema.labels, key, { kind: "add", value });
  return { collection: schema.labels as Collection, key, what: { kind: "add", value } };
};

const remove =
  (...collections: readonly Collection[]): Maker =>
  ({ rng, draft, shadow, isHub, isUnsure, context, additionsTo }) => {
    const collection = rng.pick(collections);
    const key = rng.pick(schema.PASSING_KEYS);
    if (draft.read(collection as Collection<never>, key) === null) return null;
    draft.write(collection as Collection<StarWrite<never>>, key, { kind: "remove" });
    const maybe = new Set(additionsTo(collection, key, shadow.perhaps));
    const known = isHub ? [...shadow.fates.keys()] : [...shadow.seen, ...shadow.writes];
    const sure = new Set(additionsTo(collection, key, known)).difference(maybe);
    // While a link begins anew, not all that its edge has seen is sure to be of the hub's history.
    if (isUnsure) for (const id of sure) maybe.add(id);
    if (isUnsure) sure.clear();
    return { collection, key, what: { kind: "remove", sure, maybe, context } };
  };

const count: Maker = ({ rng, draft }) => {
  const name = rng.pick(["a", "b"]);
  const key = componentKey(name, draft.life);
  const by = rng.between(1, 9);
  const collection = rng.pick([schema.hits, schema.lateHits, schema.tally]);
  draft.write(collection, key, (draft.read(collection, key) ?? 0) + by);
  return { collection: collection as Collection, key: name, what: { kind: "count", by: [by] } };
};

const move: Maker = ({ rng, draft }) => {
  const name = rng.pick(["a", "b"]);
  const key = componentKey(name, draft.life);
  const by = rng.between(-9, 9);
  const collection = rng.pick([schema.stock, schema.crew]);
  const held: PnComponent = draft.read(collection, key) ?? { added: 0, removed: 0 };
  if (by === 0) return null;
  draft.write(collection, key, addToCount(held, by));
  const parts = by > 0 ? [by, 0] : [0, -by];
  return { collection: collection as Collection, key: name, what: { kind: "count", by: parts } };
};

const measure: Maker = ({ rng, draft }) => {
  const name = rng.pick(["a", "b"]);
  const key = componentKey(name, draft.life);
  const value = rng.between(-40, 40);
  const collection = rng.pick([schema.traffic, schema.loads]);
  const held: CountComponent = draft.read(collection, key) ?? countComponent.bottom;
  draft.write(collection, key, observe(held, value, { mantissa: BigInt(value), scale: 0 }));
  const parts = [1, value];
  return { collection: collection as Collection, key: name, what: { kind: "count", by: parts } };
};

const note: Maker = ({ rng, draft, text }) => {
  const key = rng.pick(schema.LASTING_KEYS);
  const held: MvRegister = draft.read(schema.notes, key) ?? mvRegister.bottom;
  draft.write(schema.notes, key, writeNote(held, draft.life, text));
  const sees = [...held.values.values()].map(String);
  return {
    collection: schema.notes as Collection,
    key,
    what: { kind: "note", value: text, sees },
  };
};

const configure: Maker = ({ draft, text }) => {
  const held = draft.read(schema.config, "main") ?? versioned.bottom;
  const value = publish(held, text, text);
  draft.write(schema.config, "main", value);
  return { collection: schema.config as Collection, key: "main", what: { kind: "chain", value } };
};

const MAKERS: Readonly<Record<Workload, readonly Maker[]>> = {
  chains: [
    last(schema.fields, schema.reported, schema.lateFields),
    last(schema.fields),
    extreme(schema.revoked, schema.lows as typeof schema.revoked),
    mark,
    ring,
  ],
  sets: [
    addMember(schema.members, schema.found),
    addMember(schema.members),
    addLabel,
    remove(schema.members as Collection, schema.labels as Collection),
    remove(schema.members as Collection, schema.labels as Collection, schema.found as Collection),
  ],
  counts: [count, move, measure],
  notes: [note],
  hub: [
    last(schema.fields, schema.desired),
    last(schema.desired),
    addMember(schema.devices),
    remove(schema.devices as Collection),
    configure,
    extreme(schema.revoked),
    mark,
  ],
};

const HUB_SETS: readonly Maker[] = [
  addMember(schema.members),
  addLabel,
  remove(schema.members as Collection, schema.labels as Collection),
];
