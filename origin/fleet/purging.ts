// How does the origin mark what it published as purged? With its own next seq, as each region does
// with its own (state/region.ts).

import { EVERYTHING, ORIGIN_WRITER } from "../../state/purge-scope.ts";
import { parsePurgeKey, purgeKey, purges } from "../../state/region.ts";
import type { HubReplica } from "../../sync/replica/hub-replica.ts";

/** The origin's marks in a replica. */
export class OriginPurges {
  readonly #replica: HubReplica;
  readonly #marksMax: number;
  /** What is known of the marks at a head of the replica. */
  #known: { head: number; seq: number; scopes: Set<string> } = {
    head: -1,
    seq: 0,
    scopes: new Set(),
  };

  constructor(replica: HubReplica, marksMax: number) {
    this.#replica = replica;
    this.#marksMax = marksMax;
  }

  /**
   * Marks a scope. Past the bound of scopes, another one is marked by the scope of everything.
   *
   * @returns The mark's seq.
   */
  purge(scope: string, nowMs: number): number {
    const { scopes, seq: last } = this.#look();
    const isRoom = scopes.has(scope) || scopes.size < this.#marksMax;
    const marked = isRoom ? scope : EVERYTHING;
    // Above the clock as well: an origin that was restored from a copy does not know its last marks
    // until a region has told it, and must not number the next ones below them.
    const seq = Math.max(last + 1, nowMs);
    this.#replica.write(nowMs, (draft) =>
      draft.write(purges, purgeKey(ORIGIN_WRITER, marked), seq),
    );
    scopes.add(marked);
    this.#known = { head: this.#replica.head, seq, scopes };
    return seq;
  }

  /** Looks through the marks again only if the replica has changed: a region may know more of them. */
  #look(): { readonly seq: number; readonly scopes: Set<string> } {
    if (this.#known.head === this.#replica.head) return this.#known;
    const scopes = new Set<string>();
    let seq = 0;
    for (const [key, held] of this.#replica.readAll(purges)) {
      const { writer, scope } = parsePurgeKey(key);
      if (writer !== ORIGIN_WRITER) continue;
      scopes.add(scope);
      seq = Math.max(seq, held);
    }
    return { seq, scopes };
  }
}
