// Who broke off, the client whose body goes to an upstream, or the upstream? The runtime's fetch fails the
// same way for both. So the body is read here, piece by piece, and each end fails on its own side.

import type { SentBody } from "../content-ports.ts";

type Stream = ReadableStream<Uint8Array>;

/** Bytes of a piece. */
const PIECE_BYTES = 65_536;

/** A client's body on its way to an upstream. */
export class StreamedBody implements SentBody<Stream> {
  readonly #source: Stream;
  readonly #announced: string | null;
  #state: "unread" | "waiting" | "broken" | "sending" = "unread";

  /** @param announced  The request's Content-Length; null: it is sent in chunks. */
  constructor(source: Stream, announced: string | null) {
    this.#source = source;
    this.#announced = announced;
  }

  open(onBroken: () => void): Stream {
    const bytes = Number(this.#announced ?? "none");
    const { readable, writable } = Number.isSafeInteger(bytes)
      ? new FixedLengthStream(bytes)
      : new IdentityTransformStream();
    void this.#pump(this.#source.getReader({ mode: "byob" }), writable.getWriter(), onBroken);
    return readable;
  }

  fault(): "broken" | "late" | null {
    if (this.#state === "broken") return "broken";
    return this.#state === "waiting" ? "late" : null;
  }

  /** Never rejects: what became of it is the state. */
  async #pump(
    reader: ReadableStreamBYOBReader,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    onBroken: () => void,
  ): Promise<void> {
    let buffer = new ArrayBuffer(PIECE_BYTES);
    for (;;) {
      const piece = await this.#read(reader, buffer);
      // Not by the writer: what the runtime reads of a stream that is aborted ends as if it were whole.
      if (piece === null) return onBroken();
      try {
        if (piece.length === 0) return await writer.close();
        await writer.write(piece);
      } catch {
        // Who is asked takes no more of it.
        return reader.cancel().catch(() => undefined);
      }
      buffer = piece.buffer;
    }
  }

  /** Reads a piece, empty at the end; null: the client broke off. */
  async #read(
    reader: ReadableStreamBYOBReader,
    buffer: ArrayBuffer,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#state = "waiting";
    try {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      this.#state = "sending";
      return done || value === undefined ? new Uint8Array(0) : value;
    } catch {
      this.#state = "broken";
      return null;
    }
  }
}
