// Do all replicas show the same, and what they must? At rest, by what is known of who wrote what.

import type { Collection } from "../../../sync/replica/kind.ts";
import type { EdgeNode } from "../edge-node.ts";
import { canonical } from "./canonical.ts";
import { require, type Checker, type View } from "./checker.ts";
import { isInTotal } from "./totals.ts";

/** What one edge shows of a collection. */
export function edgeView(node: EdgeNode, collection: Collection): ReadonlyMap<string, unknown> {
  return node.replica.readAll(collection as Collection<never>);
}

export function hubView(view: View, collection: Collection): ReadonlyMap<string, unknown> {
  return view.hub.replica.readAll(collection as Collection<never>);
}

/**
 * Strong eventual convergence (Shapiro et al. 2011): at rest every edge shows what the hub shows, of
 * all that travels down. A hub that was restored is no exception: for what only it writes its content
 * is the truth, the rest comes back from the edges.
 */
export const converges: Checker = {
  ids: ["sync.converges", "sync.restore-converges"],
  onRest(view) {
    for (const collection of view.hub.release.collections) {
      if (collection.direction === "up" || isInTotal(collection)) continue;
      const wanted = canonical(hubView(view, collection));
      for (const node of view.edges) {
        const shown = canonical(edgeView(node, collection));
        const isCopy = view.taint.hubRestored || view.taint.edgeCopies;
        const id = isCopy ? "sync.restore-converges" : "sync.converges";
        require(shown === wanted, id, () =>
          `collection ${collection.id}: e${node.number} shows ${shown}, the hub ${wanted}`);
      }
    }
  },
};

/** Nothing travels against its direction, and what only edges write is shown to no other edge. */
export const direction: Checker = {
  ids: ["sync.direction"],
  onCut(view, node, cut) {
    for (const { collection } of cut.groups)
      require(directionOf(view, collection) !== "down", "sync.direction", () =>
        `e${node.number} sends collection ${collection}, which goes down`);
  },
  onAbsorb(view, node, state) {
    for (const { collection } of state.groups)
      require(directionOf(view, collection) !== "up", "sync.direction", () =>
        `the hub tells e${node.number} of collection ${collection}, which goes up`);
  },
};

function directionOf(view: View, id: number): string | undefined {
  return view.hub.release.collections.find((collection) => collection.id === id)?.direction;
}
