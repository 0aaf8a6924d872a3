// What does one device do while its edge is killed again and again? It posts numbered batches, repeats
// each until it is acknowledged, and remembers what was.

import type { Post, PostAnswer } from "../simulate/poster.ts";

/** What a device needs to post. */
export interface SailorOptions {
  readonly device: string;
  readonly token: string;
  readonly url: URL;
  readonly post: Post;
  readonly readingsPerBatch: number;
  /** Event time of the first reading, epoch milliseconds. */
  readonly t0: number;
  /** Told of each request, and whether it repeats one. */
  readonly onPosted: (isRepetition: boolean) => void;
}

const RETRY_MS = 5;
/** Answers that are to be repeated: none, try later. */
const AGAIN: ReadonlySet<number> = new Set([0, 429, 503]);

/** One device. Its stream is `depth_m`: batch n holds n, n + 0.1, n + 0.2 and so on. */
export class Sailor {
  readonly device: string;
  readonly #options: SailorOptions;
  #acknowledged = 0;

  constructor(options: SailorOptions) {
    this.device = options.device;
    this.#options = options;
  }

  /** Batches that were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** What the batches up to `acknowledged` come to. */
  totalOf(acknowledged: number): { readonly count: number; readonly sum: number } {
    const { readingsPerBatch: per } = this.#options;
    const tenths = 10 * per * ((acknowledged * (acknowledged + 1)) / 2);
    const sum = (tenths + acknowledged * ((per * (per - 1)) / 2)) / 10;
    return { count: acknowledged * per, sum };
  }

  /** Posts until `isOver`; rejects at an answer that no device may get. */
  async sail(isOver: () => boolean): Promise<void> {
    for (let seq = 1; !isOver(); seq += 1) {
      const body = this.#batch(seq);
      let answer = await this.#post(body, false);
      while (AGAIN.has(answer.status)) {
        await new Promise((resolve) => setTimeout(resolve, answer.retryAfterMs ?? RETRY_MS));
        answer = await this.#post(body, true);
      }
      if (answer.status !== 200)
        throw new Error(`${this.device} got ${answer.status}: ${answer.text.slice(0, 200)}`);
      this.#acknowledged = seq;
    }
  }

  #batch(seq: number): string {
    const { t0, readingsPerBatch } = this.#options;
    const depth_m = Array.from({ length: readingsPerBatch }, (_, at) => seq + at / 10);
    return JSON.stringify({
      boot: "b1",
      seq,
      t0: t0 + seq * readingsPerBatch,
      step: 1,
      series: { depth_m },
    });
  }

  #post(body: string, isRepetition: boolean): Promise<PostAnswer> {
    const { post, url, token, onPosted } = this.#options;
    onPosted(isRepetition);
    return post.post(url, token, body);
  }
}
