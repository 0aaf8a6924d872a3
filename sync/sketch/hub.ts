// How does a hub tell an edge its whole state that has most of it? It gives a sketch of what it holds
// with the number of the new link; the edge finds what differs, and asks for that alone. What the edge
// then does is what it does when it is told everything.

import {
  FRAME_BYTES_TARGET,
  FRAME_STATE_ENTRIES_MAX,
  SKETCH_SYMBOL_ENTRIES,
  SKETCH_SYMBOLS_MAX,
  SKETCH_SYMBOLS_MIN,
  SKETCHES_MAX,
} from "../limits.ts";
import { writtenGroups, type Gathered, type Said } from "../replica/groups.ts";
import { HubReplica, type Exchange, type HubReplicaOptions } from "../replica/hub-replica.ts";
import type { Held } from "../replica/table.ts";
import type { DownFrame, DownState } from "../wire/down-frame.ts";
import type { HubEncoding } from "../wire/encoding.ts";
import type { Group } from "../wire/frame.ts";
import {
  askedAs,
  briefGroup,
  readAsk,
  readWants,
  sketchGroup,
  takeOut,
  type Sketch,
  type Wants,
} from "./groups.ts";
import { Items } from "./items.ts";
import type { Words } from "./sip-hash.ts";
import { Symbols } from "./symbols.ts";

/** What a hub with sketches is opened with. */
export interface SketchingHubOptions extends HubReplicaOptions {
  /** Entries for each symbol of a sketch, and the fewest symbols: for who wants them of little. */
  readonly symbolEntries?: number;
  readonly symbolsMin?: number;
}

/** A sketch, and of what. */
interface Given extends Sketch {
  /** The hub's seq then, and how many entries there were to see. */
  readonly seq: number;
  readonly entries: number;
  /** Whom it would be told; empty: all alike. */
  readonly replica: string;
}

/** A hello that asks for a sketch; `entries`: so many are to be seen there. */
interface Ask {
  readonly replica: string;
  readonly entries: number | null;
}

/** A hub that gives sketches to edges that ask for them. */
export class SketchingHub extends HubReplica {
  readonly #newNumber: () => number;
  readonly #symbolEntries: number;
  readonly #symbolsMin: number;
  /** By the first word of their keys, the last at the end. */
  readonly #given = new Map<number, Given>();
  /** What the frame that is being answered asks. */
  #asked: { readonly ask?: Ask; readonly wants?: Wants | null } = {};
  #encoding: Pick<HubReplica, "up" | "down"> = { up: this.up, down: this.down };
  /** Exchanges in which an edge was told what it lacked, and no more. */
  briefs = 0;

  constructor(options: SketchingHubOptions) {
    super(options);
    const { symbolEntries = SKETCH_SYMBOL_ENTRIES, symbolsMin = SKETCH_SYMBOLS_MIN } = options;
    this.#newNumber = options.newNumber;
    this.#symbolEntries = symbolEntries;
    this.#symbolsMin = symbolsMin;
  }

  override exchange(bytes: Uint8Array, nowMs: number): Exchange {
    // Around whatever encoding was set.
    if (this.up !== this.#hear) {
      this.#encoding = { up: this.up, down: this.down };
      this.up = this.#hear;
      this.down = this.#say;
    }
    this.#asked = {};
    return super.exchange(bytes, nowMs);
  }

  readonly #hear: HubEncoding["up"] = (...given) => {
    const read = this.#encoding.up(...given);
    if (!read.ok) return read;
    const { speaker } = read.value;
    const { body, rest: groups } = takeOut(read.value.groups);
    if (!body) return read;
    this.#asked =
      speaker.kind === "hello"
        ? { ask: { replica: speaker.replica, entries: readAsk(body) } }
        : { wants: readWants(body) };
    return { ok: true, value: { ...read.value, groups } };
  };

  readonly #say: HubEncoding["down"] = (answer, ...given) => {
    const { ask } = this.#asked;
    const sketch = answer.outcome === "open" && ask ? this.#sketchFor(ask) : null;
    return this.#encoding.down(sketch ? withGroup(answer, sketch) : answer, ...given);
  };

  /** Null: telling everything costs less, or so much differs that it is bound to be told. */
  #sketchFor({ replica, entries }: Ask): Group | null {
    if (entries === null) return null;
    // What is told of some kinds depends on who is told.
    const isOwn = this.schema.all.some(({ kind }) => kind.tell);
    const told = isOwn ? replica : "";
    const last = [...this.#given.values()].at(-1);
    const isCurrent = last?.seq === this.head && last.replica === told;
    // Who holds hardly anything is told everything anyhow: nothing needs to be computed for that.
    if (entries < this.#symbolsMin * (this.#symbolEntries - 1)) return null;
    const given = isCurrent ? last : this.#draw(told);
    const count = Math.min(SKETCH_SYMBOLS_MAX, Math.floor(given.entries / this.#symbolEntries));
    if (count < this.#symbolsMin || Math.abs(entries - given.entries) > count) return null;
    return sketchGroup(given, count);
  }

  #draw(replica: string): Given {
    const key: Words = [this.#newNumber(), this.#newNumber()];
    const items = new Items(key);
    const symbols = new Symbols();
    let entries = 0;
    for (const held of this.stored.all()) {
      const { kind, direction } = held.collection;
      if (direction === "up" || kind.viewAtHub(held.entry.value) === null) continue;
      const said = kind.tell
        ? kind.tell(held, this.stored, replica)
        : { ...held, value: kind.toDown(held.entry.value) };
      if (!said) continue;
      const [low = 0, high = 0] = items.of(said);
      symbols.add(low, high);
      entries += 1;
    }
    const given = { key, symbols, seq: this.head, entries, replica };
    this.#given.set(key[0], given);
    for (const oldest of this.#given.keys())
      if (this.#given.size > SKETCHES_MAX) this.#given.delete(oldest);
    return given;
  }

  protected override gather(...given: Parameters<HubReplica["gather"]>): Gathered {
    const { wants } = this.#asked;
    const [after, say] = given;
    return (after === 0 && wants && this.#brief(wants, say)) || super.gather(...given);
  }

  /**
   * What an edge lacks that wants these items: them, all that has changed since the sketch, and what
   * is deleted and not forgotten. Null: it is to be told everything.
   */
  #brief({ sketch, items: wanted }: Wants, say: (held: Held) => Said | null): Gathered | null {
    const given = this.#given.get(sketch);
    const { seq: collected = 0 } = this.stored.fact<{ seq: number }>("collected") ?? {};
    // Of what was deleted since, and is forgotten, it would not hear.
    if (!given || collected > given.seq) return null;
    const items = new Items(given.key);
    const asked = new Set(wanted);
    const list: Said[] = [];
    for (const held of this.stored.all()) {
      const { collection, entry } = held;
      const said = say(held);
      const isNew = entry.seq > given.seq || collection.kind.viewAtHub(entry.value) === null;
      if (said && (isNew || asked.has(askedAs(items.of(said)[0] as number)))) list.push(said);
    }
    const groups = [briefGroup(), ...writtenGroups(list, "down")];
    const bytes = groups.reduce((sum, { body }) => sum + body.length, 0);
    if (bytes > FRAME_BYTES_TARGET || list.length > FRAME_STATE_ENTRIES_MAX) return null;
    this.briefs += 1;
    return { groups, to: this.head, latestMs: 0 };
  }
}

/** An answer that tells nothing but one group. */
function withGroup(answer: DownFrame, group: Group): DownFrame {
  const horizon = { seq: 0, stamp: { wallMs: 0, logical: 0 }, known: 0 };
  const state: DownState = { from: 0, to: 0, head: 0, stable: 0, horizon, groups: [group] };
  return { ...answer, state };
}
