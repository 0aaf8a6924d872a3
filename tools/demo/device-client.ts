// How does the boat post? Over plain HTTP with one connection a region; an answer can be lost on
// purpose: the connection is broken when the answer's first bytes arrive.

import http from "node:http";

/** What a region answered to a batch. */
export interface PostAnswer {
  readonly status: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
}

const TIMEOUT_MS = 20_000;

/** Posts readings of one device with its token. */
export class DeviceClient {
  readonly #path: string;
  readonly #token: string;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 4 });

  constructor(device: string, token: string) {
    this.#path = `/v1/devices/${device}/readings`;
    this.#token = token;
  }

  /** Posts and reads the answer. */
  async post(baseUrl: string, body: string): Promise<PostAnswer> {
    const { status, text } = await this.#send(baseUrl, body, false);
    if (status !== 200) throw new Error(`The edge answered ${status}: ${text.slice(0, 300)}`);
    const { accepted, duplicates, rejected } = JSON.parse(text) as PostAnswer;
    return { status, accepted, duplicates, rejected };
  }

  /** Posts and loses the answer. */
  async postAndLose(baseUrl: string, body: string): Promise<void> {
    await this.#send(baseUrl, body, true);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(baseUrl: string, body: string, isLost: boolean): Promise<{ status: number; text: string }> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    return new Promise((resolve, reject) => {
      const request = http.request(new URL(this.#path, baseUrl), {
        method: "POST",
        headers,
        agent: this.#agent,
        timeout: TIMEOUT_MS,
      });
      request.on("error", (error) => (isLost ? resolve({ status: 0, text: "" }) : reject(error)));
      request.on("timeout", () => request.destroy(new Error("The edge did not answer")));
      request.on("response", (response) => {
        if (isLost) {
          response.destroy();
          resolve({ status: 0, text: "" });
          return;
        }
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      request.end(body);
    });
  }
}
