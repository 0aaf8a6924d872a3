// Do links keep their word while things go wrong? Positions, retries, and what a restart finds.

import { contentOf } from "../hostile.ts";
import { SimDisk } from "../disk.ts";
import { canonical } from "./canonical.ts";
import { require, type Checker } from "./checker.ts";
import { edgeView } from "./convergence.ts";
import { COLLECTIONS } from "../schema.ts";
import type { EdgeNode } from "../edge-node.ts";

/** A request is sent again byte by byte until it is answered. */
export const retries: Checker = {
  ids: ["sync.retry-byte-identical"],
  onSend(_, node, bytes, kept) {
    const isSame = kept === null || canonical([...kept]) === canonical([...bytes]);
    require(isSame, "sync.retry-byte-identical", () => `e${node.number} retries with other bytes`);
  },
};

/** On one link, what the hub has confirmed never becomes less; but a hub's copy may know less. */
export const cursors: Checker = {
  ids: ["sync.cursor-monotone"],
  onRecord({ taint }, node, before) {
    const { record } = node.replica;
    const isSameLink = record.replicaEpoch === before.replicaEpoch && record.link === before.link;
    require(taint.hubRestored ||
      !isSameLink ||
      record.cursor.seq >= before.cursor.seq, "sync.cursor-monotone", () =>
      `the cursor of e${node.number} goes from ${before.cursor.seq} to ${record.cursor.seq}`);
  },
};

/** Opened again from its disk, a replica is what it was. */
export const rebuild: Checker = {
  ids: ["sync.crash-rebuild"],
  onStep(view) {
    // A life that no hub has met ends with each start.
    for (const node of view.edges.filter(({ replica }) => replica.record.link !== 0)) {
      const copy = node.openReplica(new SimDisk(node.disk.image()));
      const opened = canonical([
        copy.record,
        copy.head,
        COLLECTIONS.map((c) => copy.readAll(c as never)),
      ]);
      const held = canonical([
        node.replica.record,
        node.replica.head,
        COLLECTIONS.map((collection) => edgeView(node, collection)),
      ]);
      require(opened === held, "sync.crash-rebuild", () =>
        `e${node.number} opens as ${opened}, but is ${held}`);
      require(contentsSent(copy) === contentsSent(node.replica), "sync.crash-rebuild", () =>
        `e${node.number} would send something else after a restart`);
    }
    const { hub } = view;
    const replica = hub.openReplica(new SimDisk(hub.disk.image()));
    const held = contentOf(hub);
    const opened = contentOf({ release: hub.release, replica });
    require(opened === held, "sync.crash-rebuild", () =>
      `the hub opens as ${opened}, but is ${held}`);
  },
};

function contentsSent(replica: EdgeNode["replica"]): string {
  const { to, groups } = replica.cut(true);
  return canonical([
    to,
    groups.map(({ collection, keys, body }) => [collection, [...keys], [...body]]),
  ]);
}
