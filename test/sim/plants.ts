// Which faults must the simulator find? Each plant breaks one place of the replication core on
// purpose, and a promise with it; seeds.json names a seed that finds it, and the seeds that once found
// a fault nobody had planted. A check that cannot fail proves nothing.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Plant } from "../../tools/launcher/build.ts";

/** A deliberate fault, and the promise that it breaks. */
export interface SimPlant extends Plant {
  readonly breaks: string;
  readonly invariant: string;
}

const EDGE = "sync/replica/edge-replica.ts";
const HUB = "sync/replica/hub-replica.ts";
const SKETCHES = "sync/sketch/hub.ts";
const LINK = "sync/link/edge.ts";

/** The faults, by name. */
export const PLANTS: Readonly<Record<string, SimPlant>> = {
  "told-by-half": {
    breaks: "the hub leaves every fifth change out of what it tells",
    invariant: "sync.converges",
    file: HUB,
    find: 'const isTold = direction !== "up" && (entry.mark !== link || isAll);',
    replace:
      'const isTold = direction !== "up" && entry.seq % 5 !== 0 && (entry.mark !== link || isAll);',
  },
  "pull-sends-nothing": {
    breaks: "an edge that was told everything does not send what the hub has lost",
    invariant: "sync.restore-converges",
    file: EDGE,
    find: "const value = isDropped ? null : sent;",
    replace: "return;\n    const value = isDropped ? null : sent;",
  },
  "up-goes-down": {
    breaks: "the hub tells edges of what only edges write",
    invariant: "sync.direction",
    file: HUB,
    find: 'const isTold = direction !== "up" && (',
    replace: 'const isTold = direction !== "sideways" && (',
  },
  "older-write-wins": {
    breaks: "the hub takes the write that came last for the last write",
    invariant: "sync.no-acked-write-lost",
    file: "sync/replica/kind.ts",
    find: "if (lessOrEqual(sent, held)) return null;",
    replace: "if (sent !== held) return { value: sent, isTheirs: true };",
  },
  "value-made-up": {
    breaks: "a write arrives with the value of another key",
    invariant: "sync.last-write-wins",
    file: HUB,
    find: "const heard = kind.tellHub(held.get(key)?.value, sent, at);",
    replace:
      "const heard = kind.tellHub(held.get(key)?.value, entries[entries.length - 1]?.value, at);",
  },
  "unknown-thrown-away": {
    breaks: "the hub does not keep what it does not know",
    invariant: "sync.unknown-kept",
    file: HUB,
    find: "this.#kept.keep(link, read.unknown, limitMs);",
    replace: "",
  },
  "never-dropped": {
    breaks: "an edge sends once more what the hub has collected",
    invariant: "sync.no-resurrection",
    file: EDGE,
    find: "return mark > 0 && mark <= Math.min(horizon.seq, horizon.known);",
    replace: "return mark > 0 && mark <= Math.min(horizon.seq, horizon.known) && false;",
  },
  "life-goes-on": {
    breaks: "a replica whose history is another one goes on counting in its old life",
    invariant: "sync.counted-once",
    file: EDGE,
    find: "this.#moveCounts(before, life);",
    replace: "",
  },
  "confirmed-moves-too": {
    breaks: "all of a count moves to the next life, also what the hub has confirmed",
    invariant: "sync.counted-once",
    file: "sync/replica/component.ts",
    find: "const moved = confirmed === null ? value : subtract(value, confirmed);",
    replace: "const moved = value;",
  },
  "own-counted-twice": {
    breaks:
      "the hub counts a former life of an edge's own replica as another's, which the edge holds",
    invariant: "sync.same-totals",
    file: "sync/replica/totals.ts",
    find: ".filter((life) => !life.startsWith(own))",
    replace:
      ".filter((life, at, of) => !life.startsWith(own) || of.slice(at + 1).some((next) => next.startsWith(own)))",
  },
  "context-when-sent": {
    breaks: "a removal claims to have seen what came between it and its sending",
    invariant: "sync.add-wins",
    file: "sync/replica/star-kind.ts",
    find: "if (op) return op;",
    replace:
      'if (op?.kind === "remove") return { kind: "remove", context: op.context + 1000 };\n      if (op) return op;',
  },
  "note-forgets": {
    breaks: "concurrent values replace each other",
    invariant: "sync.concurrent-values",
    file: "sync/crdt/mv-register.ts",
    find: "return [...mine.values].filter(([dot]) => other.values.has(dot) || !hasSeen(other, dot));",
    replace: "return [...mine.values].filter(([dot]) => other.values.has(dot));",
  },
  "retry-cut-anew": {
    breaks: "a retry is cut anew",
    invariant: "sync.retry-byte-identical",
    file: LINK,
    find: '{ kind: "send", request: phase.request }',
    replace: '{ kind: "send", request: phase.request.slice(0, -1) }',
  },
  "cursor-of-answer": {
    breaks: "an edge takes any position of the hub for its own",
    invariant: "sync.cursor-monotone",
    file: LINK,
    find: "const moved: EdgeLinkRecord = { ...settle(record, phase.to), held, ack, isPulling };",
    replace:
      "const moved: EdgeLinkRecord = { ...settle(record, phase.to), held, ack, isPulling, cursor: isPulling ? phase.to : { ...phase.to, seq: phase.to.seq - (phase.to.seq % 2) } };",
  },
  "fact-not-stored": {
    breaks: "the seq of a change is not stored",
    invariant: "sync.crash-rebuild",
    file: "sync/replica/stored-table.ts",
    find: "this.#row.facts.set(name, value);",
    replace: 'if (name !== "seq" || Number(value) % 7 !== 0) this.#row.facts.set(name, value);',
  },
  "goes-down": {
    breaks: "an edge takes what the hub tells, though it holds more",
    invariant: "sync.revoked-never-down",
    file: "sync/replica/kind.ts",
    find: "return { value: isAhead ? join(held, told) : told, isAhead };",
    replace: "return { value: told, isAhead: false };",
  },
  "purge-unseen": {
    breaks: "an edge takes a mark back that it holds and has not sent",
    invariant: "sync.purge-never-unseen",
    file: "sync/replica/kind.ts",
    find: "return { value: isAhead ? join(held, told) : told, isAhead };",
    replace: "return { value: told, isAhead };",
  },
  "no-limit-ahead": {
    breaks: "the hub accepts any stamp",
    invariant: "sync.clock-limit",
    file: "sync/replica/timeline.ts",
    find: "return Math.max(nowMs + AHEAD_MS_MAX, this.#clock.last.wallMs);",
    replace: "return Number.MAX_SAFE_INTEGER + nowMs;",
  },
  "not-stamped-anew": {
    breaks: "an edge whose clock was ahead begins another life with the same stamps",
    invariant: "sync.rests",
    file: EDGE,
    find: "const value = kind.restamp(entry.value, this.time.stamp(hubNowMs));",
    replace: "const { value } = entry;",
  },
  "applied-too-early": {
    breaks: "the hub says that it holds a change more than it does",
    invariant: "sync.session-token",
    file: HUB,
    find: "return (this.#links.get(link)?.wholeTo ?? -1) >= seq;",
    replace: "return (this.#links.get(link)?.cursor.seq ?? -1) + 3 >= seq;",
  },
  "never-stable": {
    breaks: "nothing is ever acknowledged by all",
    invariant: "sync.bounded-metadata",
    file: HUB,
    find: "if (stable <= this.#collectedTo) return;",
    replace: "if (stable > 0) return;",
  },
  "applied-again": {
    breaks: "the hub applies a frame from wherever it begins",
    invariant: "sync.replay-changes-nothing",
    file: "sync/link/hub.ts",
    find: 'if (!isSamePosition(frame.from, cursor)) return refused("at");',
    replace: "",
  },
  "decoder-throws": {
    breaks: "a checksum that is wrong throws",
    invariant: "sync.hostile-frames",
    file: "sync/wire/frame.ts",
    find: 'return "wrong-checksum";',
    replace: 'throw new Error("wrong checksum");',
  },
  "base-of-one-end": {
    breaks: "who reads a number notes some of them not as what the next one is told from",
    invariant: "sync.equal-bases",
    file: "sync/wire/range/values.ts",
    find: "this.#table.setNumber(id, mantissa, scale);",
    replace:
      "if (!this.#coder.isReading || mantissa % 3 !== 0) this.#table.setNumber(id, mantissa, scale);",
  },
  "coder-misreads": {
    breaks: "who reads takes a little less out of the range than was put into it",
    invariant: "sync.coded-is-read",
    file: "sync/wire/range/coder.ts",
    find: "if (this.isReading) this.#code -= bound;",
    replace: "if (this.isReading) this.#code -= times > 12 ? bound - 1 : bound;",
  },
  "sketch-of-before": {
    breaks: "a sketch that was drawn before is given for what the hub holds now",
    invariant: "sync.told-whole",
    file: SKETCHES,
    find: "const isCurrent = last?.seq === this.head && last.replica === told;",
    replace:
      "const isCurrent = last?.replica === told;\n    if (isCurrent) Object.assign(last, { seq: this.head });",
  },
  "sketch-without-deletions": {
    breaks: "an edge that had what is deleted and not forgotten is not told of that",
    invariant: "sync.told-whole",
    file: SKETCHES,
    find: "const isNew = entry.seq > given.seq || collection.kind.viewAtHub(entry.value) === null;",
    replace:
      "const isNew = entry.seq > given.seq;\n      if (collection.kind.viewAtHub(entry.value) === null) continue;",
  },
  "sketch-half-read": {
    breaks: "what is found of a difference is taken for all of it",
    invariant: "sync.told-whole",
    file: "sync/sketch/symbols.ts",
    find: "return this.#isEmpty ? { onlyFirst, onlySecond } : null;",
    replace: "return { onlyFirst, onlySecond };",
  },
  "collected-shows": {
    breaks: "what is forgotten of a set takes its values with it",
    invariant: "sync.gc-invisible",
    file: "sync/crdt/star-map.ts",
    find: "stable = joinTo(lattice, stable, value);",
    replace: "",
  },
};

/** Seeds on record. */
export interface Seeds {
  /** Run always, with what they once found. */
  readonly kept: readonly { readonly seed: number; readonly found: string }[];
  /** By plant: a seed that shows it. */
  readonly plants: Readonly<Record<string, number>>;
}

export function readSeeds(): Seeds {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, "seeds.json"), "utf8")) as Seeds;
}
