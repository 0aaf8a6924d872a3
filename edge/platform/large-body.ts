// How is a body sent and stored that no isolate holds whole? Piece by piece into an object of the bucket,
// with a digest for each segment; and out of it in segments, each checked before it is passed on. What is
// held is one segment.

import { encodeBase64Url } from "../../doors/base64url.ts";
import type { BodyRange } from "../cache/answer.ts";
import { limits } from "../limits.ts";
import { digestOf } from "./body-digest.ts";

/** What a cell has in the place of such a body. */
export interface LargeHandle {
  readonly object: string;
  readonly bytes: number;
  /** SHA-256 of the whole, base64url, and of each segment. */
  readonly digest: string;
  readonly segments: readonly string[];
}

/** A body in the bucket. */
export class LargeBody {
  readonly handle: LargeHandle;
  readonly #bucket: R2Bucket;
  readonly #lost: (why: string) => Promise<void>;

  /** @param lost  Is told of one that is not there, or not what it was. */
  constructor(handle: LargeHandle, bucket: R2Bucket, lost: (why: string) => Promise<void>) {
    this.handle = handle;
    this.#bucket = bucket;
    this.#lost = lost;
  }

  /**
   * Opens a part; null: its first segment is not what it was. One further on breaks the stream off.
   * Asks the bucket for the segments that the part lies in, and for no others.
   */
  async open({ from, to }: BodyRange): Promise<ReadableStream<Uint8Array> | null> {
    const segments = this.#segments({ from, to });
    const first = await segments.next();
    if (first.done === true) return null;
    let next: Uint8Array | null = first.value;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (next === null) {
            const read = await segments.next();
            if (read.done === true) return endOf(controller, read.value);
            next = read.value;
          }
          controller.enqueue(next);
          next = null;
        },
        cancel: async () => {
          await segments.return("whole");
        },
      },
      { highWaterMark: 0 },
    );
    const fixed = new FixedLengthStream(to - from + 1);
    // What breaks off breaks off there too, and who reads it sees it.
    void stream.pipeTo(fixed.writable).catch(() => undefined);
    return fixed.readable;
  }

  /** Gives the segments that a part lies in, cut to it; returns whether they were all sound. */
  async *#segments({ from, to }: BodyRange): AsyncGenerator<Uint8Array, "whole" | "damaged"> {
    const { object, bytes, segments } = this.handle;
    const size = limits.largeSegmentBytes;
    const firstSegment = Math.floor(from / size);
    const offset = firstSegment * size;
    const length = Math.min(bytes, (Math.floor(to / size) + 1) * size) - offset;
    const found = await this.#bucket.get(object, { range: { offset, length } }).catch(() => null);
    if (found === null) {
      await this.#lost("not-there");
      return "damaged";
    }
    const reader = new Rereader(found.body.getReader());
    try {
      for (let at = offset, number = firstSegment; at < offset + length; at += size, number += 1) {
        const segment = await reader.read(Math.min(size, bytes - at));
        if (segment === null || (await digestOf(segment)) !== segments[number]) {
          await this.#lost("other-digest");
          return "damaged";
        }
        yield segment.subarray(Math.max(0, from - at), Math.min(segment.length, to + 1 - at));
      }
      return "whole";
    } finally {
      reader.cancel();
    }
  }
}

function endOf(
  controller: ReadableStreamDefaultController<Uint8Array>,
  end: "whole" | "damaged",
): void {
  if (end === "whole") controller.close();
  else controller.error(new Error("The body is not what was stored"));
}

/** Cuts a stream anew. */
class Rereader {
  readonly #source: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: ReadableStreamDefaultReader<Uint8Array>) {
    this.#source = source;
  }

  /** Reads so many bytes; null: they do not come. */
  async read(bytes: number): Promise<Uint8Array | null> {
    const whole = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      if (this.#rest.length === 0) {
        const read = await this.#source.read().catch(() => null);
        if (read === null || read.done) return null;
        this.#rest = read.value;
      }
      const taken = this.#rest.subarray(0, bytes - at);
      whole.set(taken, at);
      at += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return whole;
  }

  cancel(): void {
    void this.#source.cancel().catch(() => undefined);
  }
}

/** Sends a body of a known length to an object; null: it did not come to its end. */
export async function sendLarge(
  bucket: R2Bucket,
  object: string,
  body: ReadableStream<Uint8Array>,
  bytes: number,
): Promise<LargeHandle | null> {
  const fixed = new FixedLengthStream(bytes);
  const sending = bucket.put(object, fixed.readable).then(
    () => true,
    () => false,
  );
  const digests = await pump(body, fixed.writable).catch(() => null);
  const isSent = await sending;
  return digests === null || !isSent ? null : { object, bytes, ...digests };
}

/** Passes a body on, and digests it on its way. */
async function pump(
  body: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
): Promise<Pick<LargeHandle, "digest" | "segments">> {
  const writer = sink.getWriter();
  const whole = new Digest();
  const segments: string[] = [];
  let segment = new Digest();
  try {
    for await (const piece of body) {
      await whole.add(piece);
      for (let rest = piece; rest.length > 0;) {
        const part = rest.subarray(0, limits.largeSegmentBytes - segment.bytes);
        await segment.add(part);
        rest = rest.subarray(part.length);
        if (segment.bytes < limits.largeSegmentBytes) continue;
        segments.push(await segment.end());
        segment = new Digest();
      }
      await writer.write(piece);
    }
    if (segment.bytes > 0) segments.push(await segment.end());
    await writer.close();
    return { digest: await whole.end(), segments };
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
    throw error;
  }
}

/** A SHA-256 of what comes in pieces. */
class Digest {
  readonly #stream = new crypto.DigestStream("SHA-256");
  readonly #writer = this.#stream.getWriter();
  bytes = 0;

  async add(piece: Uint8Array): Promise<void> {
    this.bytes += piece.length;
    await this.#writer.write(piece as Uint8Array<ArrayBuffer>);
  }

  async end(): Promise<string> {
    await this.#writer.close();
    return encodeBase64Url(new Uint8Array(await this.#stream.digest));
  }
}

/** Writes a handle as a cell keeps it. */
export function encodeHandle(handle: LargeHandle): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(handle));
}

/** Reads one; null: it is none. */
export function decodeHandle(bytes: Uint8Array): LargeHandle | null {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as LargeHandle;
  } catch {
    return null;
  }
}
