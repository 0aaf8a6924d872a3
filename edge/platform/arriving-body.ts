// How does one body of an upstream reach many? It is read once, as fast as it comes, into a list of
// pieces that each reader goes through at its own pace, also one that comes later. No stream is shared:
// the runtime ties a stream to the request that opened it.
//
// Beyond `heldBytesMax` only what lies between the slowest and the fastest reader is held: nobody joins
// any more, the upstream waits for the fastest, and who falls that far behind it is cut off.

import { within } from "../../doors/within.ts";
import type { BodyReading, SharedBody } from "../content-ports.ts";

/** What a body holds of itself once all of them hold what they may. */
const SPENT_HELD_BYTES = 65_536;

/** What all bodies of an isolate that are on their way may hold together. */
export class BodyBudget {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isSpent(): boolean {
    return this.#held >= this.#bytesMax;
  }

  take(bytes: number): void {
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** The bounds of one body, in bytes and milliseconds. */
export interface BodyBounds {
  /** A body of more is not given whole. */
  readonly wholeBytesMax: number;
  readonly heldBytesMax: number;
  /** How long the upstream, or all readers, may pause. */
  readonly idleMs: number;
  /** The runtime ends the body at its Content-Length, so that none of it can be longer; not given: no. */
  readonly isLengthFinal?: boolean;
}

interface Reader {
  /** Pieces that it has read, from the first on. */
  pieces: number;
  bytes: number;
  isCut: boolean;
  /** It only reads along. */
  readonly isFollower: boolean;
}

type Stream = ReadableStream<Uint8Array>;

/** Makes a stream say how long it will be, where the runtime can. */
export type WithLength = (stream: Stream, bytes: number) => Stream;

/** A body that is being read for many. */
export class ArrivingBody implements SharedBody<Uint8Array | Stream> {
  readonly whole: Promise<BodyReading<Uint8Array | Stream>>;
  readonly done: Promise<void>;
  readonly #source: ReadableStreamDefaultReader<Uint8Array>;
  readonly #announced: string | null;
  readonly #bounds: BodyBounds;
  readonly #budget: BodyBudget;
  readonly #withLength: WithLength;
  readonly #readers = new Set<Reader>();
  readonly #settle: (reading: BodyReading<Uint8Array | Stream>) => void;
  #pieces: Uint8Array[] = [];
  /** Pieces, and bytes, that are no longer held. */
  #droppedPieces = 0;
  #droppedBytes = 0;
  #bytes = 0;
  #wasOpened = false;
  #isDiscarded = false;
  #state: "arriving" | "ended" | "broken" = "arriving";
  #change = Promise.withResolvers<void>();

  /** @param announced  The Content-Length as it came; null: none did. */
  constructor(
    source: Stream,
    announced: string | null,
    bounds: BodyBounds,
    budget: BodyBudget,
    withLength: WithLength = (stream) => stream,
  ) {
    const { promise, resolve } = Promise.withResolvers<BodyReading<Uint8Array | Stream>>();
    this.whole = promise;
    this.#settle = resolve;
    this.#source = source.getReader();
    this.#announced = announced;
    this.#bounds = bounds;
    this.#budget = budget;
    this.#withLength = withLength;
    this.done = this.#arrive().then(() => this.#drain());
  }

  open(): Stream | null {
    return this.#open(false);
  }

  follow(): Stream | null {
    return this.#open(true);
  }

  #open(isFollower: boolean): Stream | null {
    if (this.#droppedPieces > 0) return null;
    const reader: Reader = { pieces: 0, bytes: 0, isCut: false, isFollower };
    this.#readers.add(reader);
    this.#wasOpened ||= !isFollower;
    const close = (): void => {
      this.#readers.delete(reader);
      this.#changed();
      this.#release();
    };
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const piece = await this.#next(reader);
          if (piece instanceof Uint8Array) return controller.enqueue(piece);
          close();
          if (piece === "ended") controller.close();
          else controller.error(new Error(`The body ended early: ${piece}`));
        },
        cancel: close,
      },
      { highWaterMark: 0 },
    );
    const bytes = Number(this.#announced ?? "none");
    return Number.isSafeInteger(bytes) ? this.#withLength(stream, bytes) : stream;
  }

  discard(): void {
    this.#isDiscarded = true;
    void this.#source.cancel().catch(() => undefined);
  }

  /** Waits for a reader's next piece. */
  async #next(reader: Reader): Promise<Uint8Array | "ended" | "broken" | "behind" | "idle"> {
    for (;;) {
      if (reader.isCut) return "behind";
      const piece = this.#pieces[reader.pieces - this.#droppedPieces];
      if (piece !== undefined) {
        reader.pieces += 1;
        reader.bytes += piece.length;
        if (this.#isSliding() || this.#state !== "arriving") this.#changed();
        return piece;
      }
      if (this.#state !== "arriving") return this.#state;
      // Also what keeps the runtime from taking a request for hung that waits for another's work.
      if ((await within(this.#change.promise, 2 * this.#bounds.idleMs)) === "late") return "idle";
    }
  }

  /** Reads the upstream's body to its end. */
  async #arrive(): Promise<void> {
    const end = await this.#readAll().catch((): "broken" => "broken");
    const isShort = this.#announced !== null && this.#announced !== String(this.#bytes);
    // What is cancelled ends as if it were whole.
    this.#state = end === "broken" || isShort || this.#isDiscarded ? "broken" : "ended";
    // Without Content-Length or chunks the end of the connection ends the body (RFC 9112 §8).
    const isWhole = this.#state === "ended" && this.#droppedPieces === 0;
    if (!isWhole) void this.#source.cancel().catch(() => undefined);
    this.#settle(
      isWhole
        ? { kind: "whole", body: concat(this.#pieces, this.#bytes), bytes: this.#bytes }
        : { kind: "broken" },
    );
    this.#changed();
    this.#release();
  }

  async #readAll(): Promise<"ended" | "broken"> {
    for (;;) {
      if (this.#isSliding() && !(await this.#slide())) return "broken";
      const read = await within(this.#source.read(), this.#bounds.idleMs);
      if (read === "late") return "broken";
      if (read.done) return "ended";
      this.#pieces.push(read.value);
      this.#bytes += read.value.length;
      this.#budget.take(read.value.length);
      if (this.#bytes > this.#bounds.wholeBytesMax) this.#settle({ kind: "too-large" });
      this.#changed();
      if (this.#isAllHere()) return "ended";
    }
  }

  /** Tells whether a body has its announced length: where that ends it, nothing is left to read. */
  #isAllHere(): boolean {
    return this.#bounds.isLengthFinal === true && this.#announced === String(this.#bytes);
  }

  /** Waits until all that came is read, but for nobody who does not read. */
  async #drain(): Promise<void> {
    while (this.#readers.size > 0) {
      const read = await within(this.#change.promise, this.#bounds.idleMs);
      if (read === "late") for (const reader of this.#readers) this.#cut(reader);
    }
    this.#release();
  }

  #isSliding(): boolean {
    return this.#isFull() || this.#droppedPieces > 0;
  }

  #isFull(): boolean {
    const { heldBytesMax } = this.#bounds;
    return this.#held() >= (this.#budget.isSpent ? SPENT_HELD_BYTES : heldBytesMax);
  }

  #held(): number {
    return this.#bytes - this.#droppedBytes;
  }

  /** Makes room for the next piece; false: nobody reads any more. */
  async #slide(): Promise<boolean> {
    this.#settle({ kind: "too-large" });
    for (;;) {
      const leaders = [...this.#readers].filter(({ isFollower }) => !isFollower);
      if (leaders.length === 0 && this.#wasOpened) return false;
      this.#drop();
      if (!this.#isFull()) return true;
      const fastest = Math.max(0, ...leaders.map(({ bytes }) => bytes));
      if (fastest - this.#droppedBytes > this.#held() / 2) {
        // Who holds up the others is cut off.
        for (const reader of this.#readers)
          if (reader.pieces === this.#droppedPieces) this.#cut(reader);
        continue;
      }
      if ((await within(this.#change.promise, this.#bounds.idleMs)) === "late") return false;
    }
  }

  #cut(reader: Reader): void {
    reader.isCut = true;
    this.#readers.delete(reader);
    this.#changed();
  }

  /** Drops what every reader has read. */
  #drop(): void {
    if (this.#readers.size === 0) return;
    const read = Math.min(...[...this.#readers].map(({ pieces }) => pieces));
    const dropped = this.#pieces.splice(0, Math.max(0, read - this.#droppedPieces));
    const bytes = dropped.reduce((sum, { length }) => sum + length, 0);
    this.#droppedPieces += dropped.length;
    this.#droppedBytes += bytes;
    this.#budget.give(bytes);
  }

  #changed(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers<void>();
    resolve();
  }

  /** Lets go of all that is held once nobody reads it and nothing more comes. */
  #release(): void {
    if (this.#state === "arriving" || this.#readers.size > 0) return;
    this.#budget.give(this.#held());
    this.#droppedBytes = this.#bytes;
    this.#droppedPieces += Math.max(this.#pieces.length, 1);
    this.#pieces = [];
  }
}

function concat(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
