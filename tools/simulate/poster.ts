// How does the fleet reach its edges? Over kept connections, a bounded number at a time.

import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";

/** What came back; status 0: nothing did. */
export interface PostAnswer {
  readonly status: number;
  readonly text: string;
  /** Retry-After in milliseconds, null if there was none. */
  readonly retryAfterMs: number | null;
  /** From the request to the whole answer, without the wait for a connection. */
  readonly tookMs: number;
}

/** A way to the edges. */
export interface Post {
  /** How many wait in line. */
  readonly waiting: number;
  /** Sends JSON; never rejects. */
  post(url: URL, token: string, body: string): Promise<PostAnswer>;
  close(): void;
}

const TIMEOUT_MS = 10_000;

/** Posts bodies; at most so many at the same time, the others wait in line. */
export class Poster implements Post {
  readonly #agents: Readonly<Record<string, http.Agent>>;
  readonly #line: (() => void)[] = [];
  #free: number;

  constructor(connections: number) {
    this.#free = connections;
    const options = { keepAlive: true, maxFreeSockets: connections };
    this.#agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };
  }

  /** How many wait in line. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Posts JSON; never rejects. */
  async post(url: URL, token: string, body: string): Promise<PostAnswer> {
    await this.#enter();
    const beganMs = performance.now();
    try {
      const answer = await this.#send(url, token, body);
      return { ...answer, tookMs: performance.now() - beganMs };
    } catch {
      return { status: 0, text: "", retryAfterMs: null, tookMs: performance.now() - beganMs };
    } finally {
      this.#leave();
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
  }

  /** The place goes to the next in line, if there is one. */
  #leave(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  #send(url: URL, token: string, body: string): Promise<Omit<PostAnswer, "tookMs">> {
    const { request } = url.protocol === "https:" ? https : http;
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const agent = this.#agents[url.protocol];
    return new Promise((resolve, reject) => {
      const sent = request(url, { method: "POST", headers, agent, timeout: TIMEOUT_MS });
      sent.on("timeout", () => sent.destroy(new Error("No answer in time")));
      sent.on("error", reject);
      sent.on("response", (response) => {
        text(response).then((said) => {
          if (!response.complete) return reject(new Error("Half an answer"));
          const field = Number(response.headers["retry-after"] ?? Number.NaN);
          const retryAfterMs = Number.isNaN(field) ? null : field * 1_000;
          resolve({ status: response.statusCode ?? 0, text: said, retryAfterMs });
        }, reject);
      });
      sent.end(body);
    });
  }
}
