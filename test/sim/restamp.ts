// Which stamp does a write count with, after its author's clock turned out to be wrong? The oracles
// read it off the author, as soon as it has stamped anew what the hub had not confirmed.

import type { EdgeLinkRecord } from "../../sync/link/edge.ts";
import type { LwwRegister } from "../../sync/crdt/lww-register.ts";
import type { Collection } from "../../sync/replica/kind.ts";
import { alertKind, lwwKind, mapKind } from "../../sync/replica/kinds.ts";
import { canonical } from "./checks/canonical.ts";
import { nameOf } from "./checks/owed.ts";
import type { View } from "./checks/checker.ts";
import type { EdgeNode } from "./edge-node.ts";
import type { Write } from "./ledger.ts";

const STAMPED: ReadonlySet<number> = new Set([lwwKind.code, alertKind.code, mapKind.code]);

/** Corrects the ledger after `node` has stamped anew; `before` is the record of the life that ended. */
export function noteRestamp(view: View, node: EdgeNode, before: EdgeLinkRecord): void {
  const confirmed = node.shadow.confirmedBy(before);
  const pending = view.ledger
    .of(node.shadow.writes)
    .filter(({ id, collection }) => !confirmed.has(id) && STAMPED.has(collection.kind.code));
  for (const writes of Map.groupBy(pending, nameOf).values()) noteKey(view, node, writes);
}

function noteKey(view: View, node: EdgeNode, writes: readonly Write[]): void {
  const last = writes.at(-1);
  if (last === undefined) return;
  const collection = last.collection as Collection<never>;
  const shown: unknown = node.replica.read(collection, last.key);
  const match = writes.find(
    ({ what }) => hasValue(what) && contentOf(what.value) === contentOf(shown),
  );
  if (match === undefined || !hasValue(match.what)) {
    // A deletion does not show its stamp; another's value may have covered what was written here.
    view.taint.vague.add(nameOf(last));
    return;
  }
  const isEarlier = (write: Write): boolean => write.id < match.id;
  match.what.value = shown;
  // What its author has replaced before anybody else saw it counts no more.
  for (const { what } of writes.filter(isEarlier)) {
    if (!hasValue(what)) continue;
    if (what.kind === "chain") what.replaced ??= what.value;
    what.value = null;
  }
}

function hasValue(what: Write["what"]): what is Extract<Write["what"], { value: unknown }> & {
  kind: "chain" | "add";
} {
  return what.kind === "chain" || what.kind === "add";
}

function contentOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return canonical(value);
  return canonical({ ...(value as LwwRegister), stamp: 0 });
}
