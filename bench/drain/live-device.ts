// One device that goes on posting, and what the origin knows of it.

import type { World, WorldRegion } from "../../tools/launcher/world.ts";
import type { Post } from "../../tools/simulate/poster.ts";
import { countOf } from "./count-of.ts";

/** Readings of a batch: one of each of so many streams. */
const STREAMS = 10;

/** A batch that the edge has answered and the origin has not counted. */
interface OnItsWay {
  /** What the origin counts of the device with it. */
  readonly count: number;
  readonly answeredMs: number;
}

/** A device that posts live readings. */
export class LiveDevice {
  readonly #device: string;
  readonly #token: string;
  readonly #reader: string;
  readonly #url: URL;
  readonly #originUrl: string;
  readonly #post: Post;
  readonly #onItsWay: OnItsWay[] = [];
  #seq = 0;
  #posted = 0;
  #counted = 0;

  private constructor(
    device: string,
    tokens: { readonly device: string; readonly reader: string },
    urls: { readonly edge: string; readonly origin: string },
    post: Post,
  ) {
    this.#device = device;
    this.#token = tokens.device;
    this.#reader = `Bearer ${tokens.reader}`;
    this.#url = new URL(`${urls.edge}/v1/devices/${device}/readings`);
    this.#originUrl = urls.origin;
    this.#post = post;
  }

  static async open(
    world: World,
    { url }: WorldRegion,
    device: string,
    post: Post,
  ): Promise<LiveDevice> {
    const tokens = {
      device: await world.deviceToken(device),
      reader: await world.operatorToken("read"),
    };
    return new LiveDevice(device, tokens, { edge: url, origin: world.origin.url }, post);
  }

  /** Readings that the edge has accepted. */
  get posted(): number {
    return this.#posted;
  }

  /** Readings that the origin counted when it was last looked at. */
  get counted(): number {
    return this.#counted;
  }

  get isCounted(): boolean {
    return this.#onItsWay.length === 0;
  }

  /** @throws Error at an answer other than 200. */
  async post(): Promise<void> {
    this.#seq += 1;
    const series = Object.fromEntries(
      Array.from({ length: STREAMS }, (_, at) => [`s${at}`, [this.#seq + at / 10]]),
    );
    const body = JSON.stringify({ boot: "b1", seq: this.#seq, t: [Date.now()], series });
    const { status, text } = await this.#post.post(this.#url, this.#token, body);
    if (status !== 200) throw new Error(`${this.#device} got ${status}: ${text.slice(0, 200)}`);
    this.#posted += (JSON.parse(text) as { accepted: number }).accepted;
    this.#onItsWay.push({ count: this.#posted, answeredMs: performance.now() });
  }

  /** Looks at what the origin counts; gives the lags of what is newly counted. */
  async look(): Promise<number[]> {
    this.#counted = await countOf(this.#originUrl, this.#device, this.#reader);
    const nowMs = performance.now();
    const lags: number[] = [];
    for (let next = this.#onItsWay[0]; next !== undefined; next = this.#onItsWay[0]) {
      if (next.count > this.#counted) break;
      lags.push(nowMs - next.answeredMs);
      this.#onItsWay.shift();
    }
    return lags;
  }
}
