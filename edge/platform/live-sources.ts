// How do the lines of several hubs become one sequence of events? In the order in which they come,
// each with where the listener stands in all of the hubs after it.

import { assert } from "../../sync/assert.ts";
import { limits } from "../limits.ts";
import type { LiveLine } from "../live/live-line.ts";
import { formatPositions, type LivePosition } from "../live/position.ts";

/** One event, with the id that a listener goes on after. */
export interface LiveEvent {
  readonly id: string;
  /** The hub that it comes from: its range of shards. */
  readonly hub: string;
  readonly event: LiveLine["event"];
  readonly data: object | null;
}

/** A hub and its stream of lines. */
export interface LiveSource {
  readonly hub: string;
  readonly stream: ReadableStream<Uint8Array>;
}

/** The events of some hubs. */
export class LiveEvents {
  readonly #readers: LineReader[];
  readonly #positions = new Map<string, LivePosition>();
  /** Who has a line, or will have: the one that was heard last comes last. */
  readonly #next: Promise<readonly [LineReader, LiveLine | null]>[];

  constructor(sources: readonly LiveSource[]) {
    this.#readers = sources.map((source) => new LineReader(source));
    this.#next = this.#readers.map((reader) => lineOf(reader));
  }

  /** Waits for the next event; null: a hub has ended, and so has all of it. Never throws. */
  async take(): Promise<LiveEvent | null> {
    // The first line of each says where it begins: no id goes out that leaves a hub out.
    if (this.#positions.size === 0)
      for (const [{ hub }, first] of await Promise.all(this.#next))
        if (first !== null) this.#positions.set(hub, first.at);
    const [reader, line] = await Promise.race(this.#next);
    if (line === null) return null;
    const at = this.#readers.indexOf(reader);
    // Whoever is first in the race wins it when several have a line: each gets its turn.
    this.#readers.push(...this.#readers.splice(at, 1));
    void this.#next.splice(at, 1);
    this.#next.push(lineOf(reader));
    this.#positions.set(reader.hub, line.at);
    const id = formatPositions(this.#positions);
    return { id, hub: reader.hub, event: line.event, data: line.data };
  }

  /** Lets go of all hubs. */
  async end(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.end()));
  }
}

async function lineOf(reader: LineReader): Promise<readonly [LineReader, LiveLine | null]> {
  try {
    return [reader, await reader.line()];
  } catch {
    return [reader, null];
  }
}

/** Splits a hub's stream into lines. */
class LineReader {
  readonly hub: string;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #lines: string[] = [];
  #rest: string[] = [];
  #restChars = 0;

  constructor({ hub, stream }: LiveSource) {
    this.hub = hub;
    this.#reader = stream.getReader();
  }

  async line(): Promise<LiveLine | null> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return JSON.parse(line) as LiveLine;
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#split(this.#decoder.decode(value, { stream: true }));
    }
  }

  async end(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }

  #split(text: string): void {
    const [first = "", ...others] = text.split("\n");
    this.#rest.push(first);
    this.#restChars += first.length;
    assert(this.#restChars <= limits.liveLineBytesMax, "A hub's line has a bound");
    const last = others.pop();
    if (last === undefined) return;
    this.#lines = [...this.#lines, this.#rest.join(""), ...others];
    this.#rest = [last];
    this.#restChars = last.length;
  }
}
