// Which parts does the demo break on purpose? Each plant changes one place of the source while it
// is bundled, and the demo has to notice: a check that cannot fail proves nothing.

import type { Plant } from "./launcher/build.ts";

/** The parts that `npm run demo -- --plant NAME` can break. */
export const PLANTS: Readonly<
  Record<"dedup" | "journal" | "join", Plant & { readonly breaks: string }>
> = {
  dedup: {
    breaks: "the origin takes a reading that two regions committed apart for two readings",
    file: "origin/replica/join-entries.ts",
    find: "const givenMs = batch.times[row] ?? 0;",
    replace: "const givenMs = (batch.times[row] ?? 0) + (stampMs % 2);",
  },
  journal: {
    breaks: "the hub answers without writing every 50th commit to its journal",
    file: "edge/ingest.ts",
    find: "store.stage(stampMs, committed, folded.state, encoded);",
    replace: "if (stampMs % 50 !== 0) store.stage(stampMs, committed, folded.state, encoded);",
  },
  join: {
    breaks: "the join keeps one side only where two sets of readings meet",
    file: "sync/crdt/reading-set.ts",
    find: "while (l < left.length || r < right.length) {",
    replace: "while (l < left.length || (r < right.length && left.length === 0)) {",
  },
};
