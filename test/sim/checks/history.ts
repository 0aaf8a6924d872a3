// Does anything go back that must only go on? Registers that never go down, stamps, sessions, and what
// the hub remembers of what is gone.

import { AHEAD_MS_MAX } from "../../../sync/clock/hlc.ts";
import type { LwwRegister } from "../../../sync/crdt/lww-register.ts";
import type { StarHubEntry } from "../../../sync/crdt/star-map.ts";
import { lwwKind, mapKind, setKind } from "../../../sync/replica/kinds.ts";
import { Schema } from "../../../sync/replica/schema.ts";
import { StoredTable } from "../../../sync/replica/stored-table.ts";
import { SimDisk } from "../disk.ts";
import { fields, purges, revoked } from "../schema.ts";
import { canonical } from "./canonical.ts";
import { require, type Checker, type View } from "./checker.ts";

/** What a replica has shown of a register that only goes up, until its disk is another one. */
export function makeNeverDown(): Checker {
  const shown = new Map<SimDisk, Map<string, number>>();
  return {
    ids: ["sync.revoked-never-down", "sync.purge-never-unseen"],
    onTurn(view) {
      for (const { disk, replica } of [...view.edges, view.hub]) {
        const before = shown.get(disk) ?? new Map<string, number>();
        shown.set(disk, before);
        for (const collection of [revoked, purges]) {
          const id = collection === revoked ? "sync.revoked-never-down" : "sync.purge-never-unseen";
          const now = replica.readAll(collection);
          for (const [name, value] of before) {
            const key = name.slice(name.indexOf("/") + 1);
            if (!name.startsWith(`${collection.id}/`)) continue;
            const held = now.get(key) ?? -Infinity;
            require(held >= value, id, () => `${name} goes from ${value} to ${held}`);
          }
          for (const [key, value] of now) before.set(`${collection.id}/${key}`, value);
        }
      }
    },
  };
}

/** The hub accepts no stamp that lies further ahead of its clock than the limit. */
export const clockLimit: Checker = {
  ids: ["sync.clock-limit"],
  onExchange({ hub }, _, isApplied, nowMs) {
    if (!isApplied) return;
    for (const [key, { stamp }] of hub.replica.readAll(fields)) {
      // A hub's clock may be set back by some seconds after it had accepted a stamp.
      const aheadMs = stamp.wallMs - nowMs;
      require(aheadMs <= AHEAD_MS_MAX + 45_000, "sync.clock-limit", () => {
        return `the hub holds ${key}, stamped ${aheadMs} ms ahead`;
      });
    }
  },
};

/**
 * Whoever waits until the hub has applied a session's token sees the session's writes (Terry et al.
 * 1994). Tokens of a disk that exists twice name two histories, and are left out.
 */
export const sessionTokens: Checker = {
  ids: ["sync.session-token"],
  onRest: checkTokensAtRest,
  onExchange(view, _, isApplied) {
    if (!isApplied || view.taint.edgeCopies || view.taint.hubRestored) return;
    const { hub, ledger } = view;
    const held = view.edges.flatMap(({ shadow }) => shadow.writes.slice(-10));
    for (const { link, seq, key, what, collection } of ledger.of(held)) {
      const isToken = link > 0 && collection.id === revoked.id && what.kind === "chain";
      if (!isToken || !hub.replica.hasApplied(link, seq)) continue;
      const value = hub.replica.read(revoked, key) ?? -Infinity;
      require(value >= Number(what.value), "sync.session-token", () => {
        return `the hub says it has ${seq} of ${link}, but ${key} is ${value}`;
      });
    }
  },
};

/** At rest, every write of a session has been applied: who waits for its token waits no longer. */
function checkTokensAtRest({ edges, hub, ledger, taint }: View): void {
  if (taint.edgeCopies || taint.hubRestored || taint.hubDamaged) return;
  for (const { shadow, replica } of edges) {
    const { link } = replica.record;
    for (const write of ledger.of(shadow.writes).filter((made) => made.link === link && link > 0))
      require(hub.replica.hasApplied(link, write.seq), "sync.session-token", () => {
        return `everything is at rest, but ${write.seq} of ${link} is not said to be applied`;
      });
  }
}

/** At rest, when every link has acknowledged everything, no deletion and no tag is left at the hub. */
export const boundedMetadata: Checker = {
  ids: ["sync.bounded-metadata"],
  onRest({ hub, edges, taint }) {
    // Copies of one replica share its name, and take turns in holding back what it has not heard of.
    if (taint.edgeCopies || hub.replica.links().length > edges.length) return;
    const { collections } = hub.release;
    const copy = new SimDisk(hub.disk.image());
    const table = new StoredTable(copy, new Schema(collections), "hub", () => false);
    for (const collection of collections) {
      const { id, kind, direction } = collection;
      if (direction === "up") continue;
      for (const [key, { value }] of table.entries(collection)) {
        const isDeleted = kind.code === lwwKind.code && (value as LwwRegister).isDeleted;
        const isStar = kind.code === setKind.code || kind.code === mapKind.code;
        const isTagged = isStar && (value as StarHubEntry<unknown>).tags.size > 0;
        const isAbsent = isStar && kind.viewAtHub(value) === null;
        require(!isDeleted && !isTagged && !isAbsent, "sync.bounded-metadata", () => {
          return `${id}/${key} is still kept as ${canonical([value, hub.replica.links()])}`;
        });
      }
    }
  },
};
