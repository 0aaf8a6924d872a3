// What do the readers and writers of both ends of a link see of a replica?

import type { Hlc } from "../clock/hlc.ts";
import type { ReplicaKey } from "../crdt/lattice.ts";
import type { Collection } from "./kind.ts";

/** Writes of one commit. */
export interface Draft {
  /** Stamps everything of this commit. */
  readonly stamp: Hlc;
  /** Names this life of the replica, for counts of its own. */
  readonly life: ReplicaKey;
  read<View>(collection: Collection<never, View>, key: string): View | null;
  write<Delta>(collection: Collection<Delta>, key: string, delta: Delta): void;
}
