// Does every edge know at rest how much was counted? Its own replica's lives, and one total of all
// others', come to what the hub holds of all lives: neither more, as if a part were in both, nor less.

import { total, type CountComponent } from "../../../sync/crdt/counts.ts";
import type { PnComponent } from "../../../sync/crdt/pn-counter.ts";
import { nameOfComponent } from "../../../sync/replica/component.ts";
import type { Collection } from "../../../sync/replica/kind.ts";
import { countsTotalKind, gTotalKind, pnTotalKind } from "../../../sync/replica/totals.ts";
import { canonical } from "./canonical.ts";
import { require, type Checker } from "./checker.ts";

/** The kinds of which an edge is told totals, and how their components add up. */
export const TOTALS: readonly {
  readonly code: number;
  readonly sum: (components: readonly unknown[]) => unknown;
}[] = [
  { code: gTotalKind.code, sum: (parts) => addUp(parts as number[]) },
  {
    code: pnTotalKind.code,
    sum: (parts) => [
      addUp((parts as PnComponent[]).map(({ added }) => added)),
      addUp((parts as PnComponent[]).map(({ removed }) => removed)),
    ],
  },
  { code: countsTotalKind.code, sum: (parts) => total(parts as CountComponent[]) },
];

function addUp(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

export function isInTotal({ kind }: Collection): boolean {
  return TOTALS.some(({ code }) => code === kind.code);
}

/** Totals by name, as text. */
function totalsOf(
  components: ReadonlyMap<string, unknown>,
  sum: (parts: readonly unknown[]) => unknown,
): string {
  const byName = Map.groupBy(components, ([key]) => nameOfComponent(key));
  const totals = [...byName].map(
    ([name, parts]) => [name, sum(parts.map(([, part]) => part))] as const,
  );
  return canonical(new Map(totals));
}

/** At rest, whatever was restored, cloned or lost. */
export const sameTotals: Checker = {
  ids: ["sync.same-totals"],
  onRest({ edges, hub }) {
    for (const collection of hub.release.collections) {
      const kind = TOTALS.find(({ code }) => code === collection.kind.code);
      if (!kind) continue;
      const held = collection as Collection<never>;
      const wanted = totalsOf(hub.replica.readAll(held), kind.sum);
      for (const { number, replica } of edges) {
        const shown = totalsOf(replica.readAll(held), kind.sum);
        require(shown === wanted, "sync.same-totals", () =>
          `collection ${collection.id}: e${number} counts ${shown}, the hub ${wanted}`);
      }
    }
  },
};
