// Is an edge that is told the whole state told all of it? Also if most of it was not said, because a
// sketch has shown that both hold it.

import { readGroups } from "../../../sync/replica/groups.ts";
import { Schema } from "../../../sync/replica/schema.ts";
import { nameOf, type StoredTable } from "../../../sync/replica/stored-table.ts";
import type { Entry } from "../../../sync/replica/table.ts";
import { COLLECTIONS } from "../schema.ts";
import { canonical } from "./canonical.ts";
import { require, type Checker } from "./checker.ts";

const SCHEMA = new Schema(COLLECTIONS);

/** What an edge takes in as the whole state is what the hub holds, while nothing there has changed. */
export const toldWhole: Checker = {
  ids: ["sync.told-whole"],
  onAbsorb({ hub, taint }, node, { from, to, head, groups }) {
    const isComparable = to === head && hub.replica.head === head && !taint.hubRestored;
    if (from > 0 || !isComparable) return;
    const told = new Map(
      (readGroups(groups, SCHEMA, "down")?.known ?? []).map(({ collection, key, value }) => [
        nameOf(collection, key),
        canonical(value),
      ]),
    );
    const stored = { entries: (of: never) => hub.replica.held(of) };
    for (const collection of hub.release.collections) {
      if (collection.direction === "up") continue;
      const { kind } = collection;
      for (const [heldAs, found] of hub.replica.held(collection as never)) {
        const entry = found as Entry;
        const change = { collection, key: heldAs, entry };
        const toTell = kind.tell
          ? kind.tell(change, stored as StoredTable, node.replicaId)
          : { ...change, value: kind.toDown(entry.value) };
        if (toTell === null) continue;
        const name = nameOf(collection, toTell.key);
        const held = canonical(toTell.value);
        const said = told.get(name);
        told.delete(name);
        require(said === held, "sync.told-whole", () =>
          `e${node.number} is told ${said} of ${name}, of which the hub holds ${held}`);
      }
    }
    require(told.size === 0, "sync.told-whole", () =>
      `e${node.number} is told of ${[...told.keys()].join()}, which the hub does not hold`);
  },
};
