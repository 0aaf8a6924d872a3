// Which faults must the simulation of purges find? Each takes away one thing that the bound of a purge
// rests on; `seed` shows it.

import type { Plant } from "../../../tools/launcher/build.ts";

/** A deliberate fault, and a seed whose schedule it breaks. */
export interface PurgePlant extends Plant {
  readonly breaks: string;
  readonly seed: number;
}

export const PURGE_PLANTS: Readonly<Record<string, PurgePlant>> = {
  "fill-not-looked-at": {
    breaks: "what was purged while it was on its way is served",
    file: "edge/fill-checks.ts",
    find: "return book.isPurged(key, meta) || !(isCurrent || isYoung);",
    replace: "return false && book.isPurged(key, meta) && isCurrent && isYoung;",
    seed: 8,
  },
  "lease-from-its-answer": {
    breaks: "a lease counts from when it was answered, not from when it was asked for",
    file: "edge/held-lease.ts",
    find: "this.#askedMs = startedMs;",
    replace: "this.#askedMs = this.#source.nowMs() + (startedMs - startedMs);",
    seed: 58,
  },
  "tags-not-looked-up": {
    breaks: "a purge by tag means nothing",
    file: "edge/cache/purge-book.ts",
    find: "...tags.map((tag) => tagScope(tag.trim())),",
    replace: "...tags.slice(tags.length).map((tag) => tagScope(tag.trim())),",
    seed: 10,
  },
  "joins-what-was-purged": {
    breaks: "who joins a flight is given what was purged since it began",
    file: "edge/fly-content.ts",
    find: "(await isPurgedMeanwhile(asked, meta, ports)) ||",
    replace: "",
    seed: 28,
  },
  "silence-is-trusted": {
    breaks: "what is stored is served though the region's cell is silent",
    file: "edge/purged-content.ts",
    find: 'if (verdict === "alive" && isCurrent) return stored;',
    replace: 'if (verdict === "alive") return stored;',
    seed: 2,
  },
  "region-not-looked-up": {
    breaks: "what the region's tier gives is not held against the purges",
    file: "edge/purged-content.ts",
    find: 'return { kind: "none", tags: [], isClaimed: false, ...(colo === null ? {} : { colo }) };',
    replace: "return finding;",
    seed: 2,
  },
  "stale-stands-in": {
    breaks:
      "what was found before the upstream was waited for stands in though it was purged since",
    file: "edge/answer-content.ts",
    find: "return purges.isCurrent && !purges.book.isPurged(key, stored.meta);",
    replace: "return purges.isCurrent || stored.meta.status > key.length - 999;",
    seed: 12,
  },
};
