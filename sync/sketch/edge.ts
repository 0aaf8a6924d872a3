// How does an edge that has lost where it stood come back to it, without being told what it has? It asks
// for a sketch in its hello, finds what differs, and asks for that. The hub's answer, made whole with
// what is the same, is what the hub would have told: the replica does not see the difference.

import type { Collection } from "../replica/kind.ts";
import { writtenGroups, type Said } from "../replica/groups.ts";
import type { Replica } from "../replica/replica.ts";
import { decodeDown, type ReceivedDownFrame } from "../wire/down-frame.ts";
import type { EdgeEncoding } from "../wire/encoding.ts";
import type { Group } from "../wire/frame.ts";
import { encodeUp, type UpFrame } from "../wire/up-frame.ts";
import { askedAs, askGroup, readSketch, takeOut, wantsGroup, type Sketch } from "./groups.ts";
import { Items } from "./items.ts";
import type { Words } from "./sip-hash.ts";
import { Symbols } from "./symbols.ts";

/** What of a replica is compared. */
export type Compared = Pick<Replica, "readAll">;

/** An edge has come back to where its hub stands. */
export interface Resync {
  /** Entries that both ends had, that only the hub had, and that only this end had. */
  readonly same: number;
  readonly missing: number;
  readonly own: number;
  /** Bytes of the sketch's frame, and of the exchange in which what was missing was told. */
  readonly bytes: number;
}

type Phase =
  | { readonly kind: "none" }
  /** The hub has given a sketch. */
  | { readonly kind: "given"; readonly link: number; readonly sketch: Sketch }
  /** What is the same at both ends is known, and the rest asked for. */
  | {
      readonly kind: "asked";
      readonly link: number;
      readonly wants: Group;
      readonly same: readonly Said[];
      readonly found: Omit<Resync, "bytes">;
    };

const NONE: Phase = { kind: "none" };

/** The edge's end of one link, around its encoding; a link that is opened again has another. */
export class EdgeSketch implements EdgeEncoding {
  readonly #replica: () => Compared;
  readonly #collections: readonly Collection[];
  readonly #onResync: (resync: Resync) => void;
  #encoding: Partial<EdgeEncoding> = {};
  #phase: Phase = NONE;
  /** Of the frames since the hub gave a sketch. */
  #bytes = 0;

  /** @param onResync Hears of each time that only what differed was told. */
  constructor(
    replica: () => Compared,
    collections: readonly Collection[],
    onResync: (resync: Resync) => void = () => undefined,
  ) {
    this.#replica = replica;
    this.#collections = collections.filter(({ direction }) => direction !== "up");
    this.#onResync = onResync;
  }

  /** Adds sketches to the options of its link, and to the encoding in them. */
  serve<Options extends object>(options: Options & Partial<EdgeEncoding>): Options & EdgeEncoding {
    this.#encoding = options;
    const { up, down, speech } = this;
    return { ...options, up, down, speech };
  }

  readonly speech: EdgeEncoding["speech"] = () => this.#encoding.speech?.() ?? "plain";

  readonly up: EdgeEncoding["up"] = (frame, ...given) => {
    const { up = encodeUp } = this.#encoding;
    const group = this.#groupFor(frame);
    const bytes = up(group ? { ...frame, groups: [group] } : frame, ...given);
    this.#bytes += bytes.length;
    return bytes;
  };

  readonly down: EdgeEncoding["down"] = (...given) => {
    const { down = decodeDown } = this.#encoding;
    const read = down(...given);
    if (!read.ok) return read;
    this.#bytes += given[0].length;
    const answer = this.#hear(read.value, given[0].length);
    return answer ? { ok: true, value: answer } : { ok: false, error: "broken-frame" };
  };

  /** What is said beside what the link says; null: nothing. */
  #groupFor({ speaker, ack, groups }: UpFrame): Group | null {
    if (speaker.kind === "hello") {
      this.#phase = NONE;
      let entries = 0;
      for (const collection of this.#collections)
        entries += this.#replica().readAll(collection).size;
      return entries > 0 ? askGroup(entries) : null;
    }
    const phase = this.#phase;
    if (phase.kind === "none" || phase.link !== speaker.link || ack.seq > 0 || groups.length > 0)
      return null;
    this.#phase = phase.kind === "given" ? this.#compare(phase) : phase;
    return this.#phase.kind === "asked" ? this.#phase.wants : null;
  }

  #seen(): Said[] {
    return this.#collections.flatMap((collection) =>
      [...this.#replica().readAll(collection)].map(([key, value]) => ({ collection, key, value })),
    );
  }

  /** Finds what differs; too much does, and everything is to be told. */
  #compare({ link, sketch }: Extract<Phase, { kind: "given" }>): Phase {
    const { key, symbols } = sketch;
    const seen = this.#seen();
    const items = new Items(key);
    const numbers = new Int32Array(seen.length * 2);
    const own = new Symbols(symbols.count);
    for (const [at, said] of seen.entries()) {
      const [low = 0, high = 0] = items.of(said);
      numbers.set([low, high], at * 2);
      own.add(low, high);
    }
    symbols.subtract(own);
    const difference = symbols.peel();
    if (!difference) return NONE;
    const { onlyFirst: missing, onlySecond } = difference;
    const isOwn = lookup(onlySecond);
    const same = seen.filter(
      (_, at) => !isOwn(numbers[at * 2] as number, numbers[at * 2 + 1] as number),
    );
    // Each that is only here is one of these.
    if (same.length + onlySecond.length !== seen.length) return NONE;
    const wants = wantsGroup({ sketch: key[0], items: missing.map(([low]) => askedAs(low)) });
    const found = { same: same.length, missing: missing.length, own: onlySecond.length };
    return { kind: "asked", link, wants, same, found };
  }

  /** The answer as its link is to hear it; null: it builds on what was not asked. */
  #hear(answer: ReceivedDownFrame, bytes: number): ReceivedDownFrame | null {
    const phase = this.#phase;
    if (answer.outcome === "unreadable") return answer;
    this.#phase = NONE;
    const { state } = answer;
    const { body, rest } = takeOut(state?.groups ?? []);
    if (!state || !body) return answer;
    if (answer.outcome === "open") {
      const sketch = readSketch(body);
      if (sketch) this.#phase = { kind: "given", link: answer.link, sketch };
      this.#bytes = bytes;
      return { ...answer, state: null };
    }
    if (phase.kind !== "asked" || state.from > 0) return null;
    this.#onResync({ ...phase.found, bytes: this.#bytes });
    return {
      ...answer,
      state: { ...state, groups: [...writtenGroups(phase.same, "down"), ...rest] },
    };
  }
}

/** Tells whether an item is one of these. */
function lookup(items: readonly Words[]): (low: number, high: number) => boolean {
  const highs = new Map(items);
  return (low, high) => highs.get(low) === high;
}
