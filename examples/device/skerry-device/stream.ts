// How does a device send over one connection that stays open? As skerry.ingest.1 (see
// docs/ingest-protocol.md): a message, its answer, the next message. The answer is given as one over
// HTTP would be, so that whoever decides what follows need not know the way it came.

import type { Answer } from "./answer.ts";

const SUBPROTOCOL = "skerry.ingest.1";
/** What the server's close codes are over HTTP; any other end is one of the connection. */
const STATUS_OF_CLOSE: Readonly<Record<number, number>> = { 1009: 413, 4401: 401, 4403: 403 };
/** Answers are confirmed this often; the server allows 1,024 that are not. */
const SEEN_EVERY = 256;

/** The server did not let the stream be opened; over HTTP it says why. */
export class NotOpened extends Error {}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** A device's stream to one edge, opened when something is sent and again after it has ended. */
export class IngestStream {
  readonly #url: string;
  #socket: WebSocket | null = null;
  #waiting: Waiting | null = null;

  constructor(edge: string, device: string) {
    const url = new URL(`/v1/devices/${device}/stream?results=all`, edge);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
  }

  /** Sends a JSON body and gives its answer. Rejects if none came; one message at a time. */
  async post(json: string, token: string, signal: AbortSignal): Promise<Answer> {
    const abandon = (): void => this.close();
    signal.addEventListener("abort", abandon, { once: true });
    try {
      signal.throwIfAborted();
      const socket = this.#socket ?? (await this.#open(token));
      return await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
        socket.send(json);
      });
    } finally {
      this.#waiting = null;
      signal.removeEventListener("abort", abandon);
    }
  }

  /** Ends the stream; a message that waits for its answer is rejected. */
  close(): void {
    const socket = this.#socket;
    this.#lose(new Error("The stream was closed"));
    socket?.close();
  }

  #open(token: string): Promise<WebSocket> {
    const socket = new WebSocket(this.#url, [SUBPROTOCOL, `skerry.bearer.${token}`]);
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      let isOpen = false;
      this.#waiting = { resolve: () => undefined, reject };
      socket.addEventListener("message", ({ data }) => {
        // The first message is hello; this client has no use for what it tells.
        if (isOpen) return this.#take(socket, String(data));
        isOpen = true;
        resolve(socket);
      });
      socket.addEventListener("error", () => undefined);
      socket.addEventListener("close", ({ code }) => {
        if (this.#socket !== socket) return;
        const why = `The stream ended with ${code}`;
        const status = STATUS_OF_CLOSE[code];
        if (status !== undefined) this.#answer({ status, detail: why });
        this.#lose(isOpen ? new Error(why) : new NotOpened(why));
      });
    });
  }

  #take(socket: WebSocket, text: string): void {
    const { messages, results } = JSON.parse(text) as {
      readonly messages: number;
      readonly results: readonly { readonly status: number; readonly retryAfterS?: number }[];
    };
    if (messages % SEEN_EVERY === 0) socket.send(`{"seen":${messages}}`);
    const [result] = results;
    if (result !== undefined) this.#answer(result);
  }

  #answer(result: {
    readonly status: number;
    readonly retryAfterS?: number;
    detail?: string;
  }): void {
    const { status, retryAfterS } = result;
    this.#waiting?.resolve({
      status,
      contentType: status === 200 ? "application/json" : "application/problem+json",
      retryAfter: retryAfterS === undefined ? null : String(retryAfterS),
      text: JSON.stringify(result),
    });
  }

  #lose(error: Error): void {
    this.#socket = null;
    this.#waiting?.reject(error);
  }
}
