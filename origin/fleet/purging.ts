// How does the origin mark what it published as purged? With its own next seq, as each region does
// with its own (state/region.ts).

import { markingOf, ORIGIN_WRITER } from "../../state/purge-scope.ts";
import { rememberPurge } from "../../state/purge-history.ts";
import { parsePurgeKey, purgeKey, purges } from "../../state/region.ts";
import type { HubReplica } from "../../sync/replica/hub-replica.ts";

/** The origin's marks in a replica. */
export class OriginPurges {
  readonly #replica: HubReplica;
  readonly #namedMax: number;
  /** What is known of the marks at a head of the replica. */
  #known: { head: number; seq: number; scopes: Set<string> } = {
    head: -1,
    seq: 0,
    scopes: new Set(),
  };

  constructor(replica: HubReplica, namedMax: number) {
    this.#replica = replica;
    this.#namedMax = namedMax;
  }

  /**
   * Marks a scope. Past the bound of scopes that have names, another one shares its mark with others.
   *
   * @param by Who did it, for the history.
   * @returns The mark's seq.
   */
  purge(scope: string, nowMs: number, by = "publish"): number {
    const { scopes, seq: last } = this.#look();
    const [marked = scope] = markingOf([scope], scopes, this.#namedMax).scopes;
    // Above the clock as well: an origin that was restored from a copy does not know its last marks
    // until a region has told it, and must not number the next ones below them.
    const seq = Math.max(last + 1, nowMs);
    this.#replica.write(nowMs, (draft) => {
      draft.write(purges, purgeKey(ORIGIN_WRITER, marked), seq);
      rememberPurge(draft, { writer: ORIGIN_WRITER, seq, atMs: nowMs, by, scopes: [scope] });
    });
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
