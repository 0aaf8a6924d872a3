// A listener of /v1/live in Node: server-sent events, read one by one, or not read at all.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { once } from "node:events";

/** One event as a listener gets it. */
export interface HeardEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads server-sent events (WHATWG HTML §9.2), as far as this door writes them. */
export class LiveClient implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #abort: AbortController;
  readonly #decoder = new TextDecoder();
  readonly response: Response;
  #text = "";
  /** The id that a client goes on after. */
  lastId = "";

  private constructor(response: Response, abort: AbortController) {
    assert.ok(response.body !== null);
    this.response = response;
    this.#reader = response.body.getReader();
    this.#abort = abort;
  }

  static async open(url: string, token: string, lastId = ""): Promise<LiveClient> {
    const abort = new AbortController();
    const response = await fetch(url, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(lastId === "" ? {} : { "last-event-id": lastId }),
      },
      signal: abort.signal,
    });
    assert.equal(response.status, 200, await textIfNot(response));
    const client = new LiveClient(response, abort);
    client.lastId = lastId;
    return client;
  }

  /** The next event; null: the stream has ended. */
  async next(): Promise<HeardEvent | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const heard = this.#parse(block);
        if (heard !== null) return heard;
        continue;
      }
      const chunk = await this.#reader.read().catch(() => ({ done: true, value: undefined }));
      if (chunk.done || chunk.value === undefined) return null;
      this.#text += this.#decoder.decode(chunk.value, { stream: true });
    }
  }

  /** The next event of a kind. */
  async until(event: string): Promise<HeardEvent> {
    for (;;) {
      const heard = await this.next();
      assert.ok(heard !== null, `the stream ended before a ${event}`);
      if (heard.event === event) return heard;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#reader.cancel().catch(() => undefined);
  }

  #parse(block: string): HeardEvent | null {
    const fields = new Map(
      block
        .split("\n")
        .filter((line) => !line.startsWith(":"))
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    this.lastId = fields.get("id") ?? this.lastId;
    const data = fields.get("data");
    if (data === undefined) return null;
    return {
      id: this.lastId,
      event: fields.get("event") ?? "message",
      data: JSON.parse(data) as HeardEvent["data"],
    };
  }
}

/** Asks for the live tail over a connection that is not read until `drain()`. */
export class SlowListener {
  readonly #socket: Socket;
  #text = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
    });
    socket.on("error", () => undefined);
    socket.pause();
  }

  static async open(url: string, token: string): Promise<SlowListener> {
    const { hostname, port, pathname, search, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(
      `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n\r\n`,
    );
    return new SlowListener(socket);
  }

  /** Reads on until `sought` has come. */
  async drain(sought: RegExp, withinMs: number): Promise<string> {
    this.#socket.resume();
    const endMs = performance.now() + withinMs;
    while (!sought.test(this.#text)) {
      assert.ok(performance.now() < endMs, `${sought} did not come`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.#text;
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function textIfNot(response: Response): Promise<string> {
  return response.status === 200 ? "" : response.text();
}
