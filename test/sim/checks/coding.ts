// Do both ends of a link that speak the coded encoding hold the same of each other? Each frame is coded
// on what the one before has left them with: bases of values, keys, and what is expected.

import { crc32c } from "../../../sync/wire/crc32c.ts";
import { UP_MAGIC } from "../../../sync/wire/range/frames.ts";
import type { LinkMemory } from "../../../sync/wire/range/memory.ts";
import type { Checker, View } from "./checker.ts";
import { canonical } from "./canonical.ts";
import { require } from "./checker.ts";

/** Everything that a memory holds. */
function contentOf({ exchanged, models, tables }: LinkMemory): string {
  const held = [...tables].map(([id, table]) => [
    id,
    table.kind,
    table.keys.map((key, at) => [key, table.tagOf(at), table.scaleOf(at), table.mantissaOf(at)]),
    table.tails.map((tail, at) => [tail, table.usualScale(at), table.usualNumber(at)]),
  ]);
  const { quick, slow, seen } = models;
  const expected = [quick, slow, seen].map((list) => crc32c(new Uint8Array(list.buffer)));
  return canonical([exchanged, held, expected]);
}

/** Two memories that stand on the same exchange are equal, bases and all: each is looked at once. */
export function makeEqualBases(): Checker {
  const seen = new WeakMap<LinkMemory, number>();
  return {
    ids: ["sync.equal-bases"],
    onTurn({ edges, hub }) {
      for (const { number, coder, replica } of edges) {
        const mine = coder?.memory;
        const theirs = hub.coder?.memoryOf(replica.record.link);
        if (!mine || !theirs) continue;
        const { digest } = mine.exchanged;
        if (digest !== theirs.exchanged.digest || seen.get(mine) === digest) continue;
        seen.set(mine, digest);
        require(contentOf(mine) === contentOf(theirs), "sync.equal-bases", () =>
          `e${number} and the hub hold something else after one exchange`);
      }
    },
  };
}

/** What is coded on what the other end holds can be read there, both ways. */
export function makeCodedRead(): Checker {
  let mustBeRead = false;
  return {
    ids: ["sync.coded-is-read"],
    onRequest(view, number, bytes) {
      mustBeRead = isCodedFor(view, number, bytes);
    },
    onExchange(_, exchange) {
      const isRead = exchange.kind !== "answered" || exchange.outcome !== "unreadable";
      require(!mustBeRead || isRead, "sync.coded-is-read", () => "the hub cannot read a request");
    },
    onTurn({ edges }) {
      for (const { number, coder } of edges)
        require(!coder?.hasMisread, "sync.coded-is-read", () => `e${number} cannot read an answer`);
    },
  };
}

/** Tells whether a request is the one that waits for an answer, and stands on what the hub holds. */
function isCodedFor({ edges, hub }: View, number: number, bytes: Uint8Array): boolean {
  const node = edges[number];
  const phase = node?.link.phase;
  if (bytes[0] !== UP_MAGIC || phase?.kind !== "waiting" || phase.request !== bytes) return false;
  const held = hub.coder?.memoryOf(node?.replica.record.link ?? 0);
  return held?.exchanged.digest === node?.coder?.standsOn;
}
