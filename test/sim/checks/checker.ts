// What is a checker? Something beside the world that is told what happens and says when a promise is
// broken. Each promise has an id; docs/invariants.md says it in words.

import type { ReplicaKey } from "../../../sync/crdt/lattice.ts";
import type { EdgeLinkRecord, Cut } from "../../../sync/link/edge.ts";
import type { Exchange } from "../../../sync/replica/hub-replica.ts";
import type { DownState } from "../../../sync/wire/down-frame.ts";
import type { EdgeNode } from "../edge-node.ts";
import type { HubNode } from "../hub-node.ts";
import type { Ledger } from "../ledger.ts";
import type { Plan } from "../plan.ts";

/** A broken promise. */
export class Violation extends Error {
  readonly id: string;

  constructor(id: string, message: string) {
    super(message);
    this.id = id;
  }
}

/** Throws unless a promise holds; the message is built only then. */
export function require(isKept: boolean, id: string, message: () => string): void {
  if (!isKept) throw new Violation(id, message());
}

/** What of a run makes exactness impossible by nature. */
export interface Taint {
  /** A copy of a disk was put back, or lives twice. */
  edgeCopies: boolean;
  hubRestored: boolean;
  /** The hub has forgotten the link of a replica that came back. */
  forgotten: boolean;
  /** The hub found its disk damaged, and has forgotten all links. */
  hubDamaged: boolean;
  /** Keys `collection/key` of which a deletion was stamped anew: its stamp is not known. */
  readonly vague: Set<string>;
  /** Upper bounds of what may be counted twice: `collection/name` to the sums. */
  readonly recounted: Map<string, readonly number[]>;
  /**
   * The same of what lives had sent and not heard of when they ended: only a hub that was put back,
   * and finds two copies of a life, takes it after all.
   */
  readonly saidTwice: Map<string, readonly number[]>;
  /** Lives that more than one disk has lived. */
  readonly copiedLives: Set<ReplicaKey>;
  /** Notes that were under way when their author's disk was found damaged. */
  readonly doubtful: Set<string>;
}

/** What a checker sees. */
export interface View {
  readonly plan: Plan;
  readonly edges: readonly EdgeNode[];
  readonly hub: HubNode;
  readonly ledger: Ledger;
  readonly taint: Taint;
}

/** Any of these may be left out. */
export interface Checker {
  readonly ids: readonly string[];
  onCut?(view: View, node: EdgeNode, cut: Cut): void;
  onSend?(view: View, node: EdgeNode, bytes: Uint8Array, kept: Uint8Array | null): void;
  onAbsorb?(view: View, node: EdgeNode, state: DownState): void;
  onRecord?(view: View, node: EdgeNode, before: EdgeLinkRecord): void;
  onRestamp?(view: View, node: EdgeNode, before: EdgeLinkRecord): void;
  /** A write was committed, all of it with ledger ids from `from` on. */
  onWritten?(view: View, node: EdgeNode, from: number): void;
  /** A request of an edge has reached the hub. */
  onRequest?(view: View, edge: number, bytes: Uint8Array): void;
  onExchange?(view: View, exchange: Exchange, isApplied: boolean, nowMs: number): void;
  /** A machine started over from its disk, which held everything (`isSame`) or something older. */
  onReopened?(view: View, node: EdgeNode | HubNode, isSame: boolean): void;
  /** From time to time, and at rest. */
  onStep?(view: View): void;
  /** After every step. */
  onTurn?(view: View): void;
  /** Everything is healed, all links are at rest. */
  onRest?(view: View): void;
}
