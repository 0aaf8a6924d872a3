// How does the fleet reach its edges over WebSockets? Each device keeps one to the edge that it
// sends to, and what a message was answered counts as the answer to a post.

import { IngestStream } from "../../examples/device/skerry-device/stream.ts";
import type { Post, PostAnswer } from "./poster.ts";

const TIMEOUT_MS = 10_000;
const READINGS = /^\/v1\/devices\/([^/]+)\/readings$/;

/** Posts bodies over streams, one message of a stream at a time. */
export class StreamPoster implements Post {
  readonly #streams = new Map<string, { readonly url: URL; readonly stream: IngestStream }>();
  readonly waiting = 0;

  /** Sends JSON to the stream of the device that `url` posts readings of; never rejects. */
  async post(url: URL, token: string, body: string): Promise<PostAnswer> {
    const beganMs = performance.now();
    const device = READINGS.exec(url.pathname)?.[1] ?? "";
    try {
      const stream = this.#streamOf(url, device);
      const answer = await stream.post(body, token, AbortSignal.timeout(TIMEOUT_MS));
      const { status, text, retryAfter } = answer;
      const retryAfterMs = retryAfter === null ? null : Number(retryAfter) * 1_000;
      return { status, text, retryAfterMs, tookMs: performance.now() - beganMs };
    } catch {
      return { status: 0, text: "", retryAfterMs: null, tookMs: performance.now() - beganMs };
    }
  }

  close(): void {
    for (const { stream } of this.#streams.values()) stream.close();
  }

  /** A device that roams takes its stream along. */
  #streamOf(url: URL, device: string): IngestStream {
    const held = this.#streams.get(device);
    if (held !== undefined && held.url.origin === url.origin) return held.stream;
    held?.stream.close();
    const stream = new IngestStream(url.origin, device);
    this.#streams.set(device, { url, stream });
    return stream;
  }
}
