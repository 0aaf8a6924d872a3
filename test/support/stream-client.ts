// A client of skerry.ingest.1 that tests drive by hand: it sends what it is told, keeps what comes,
// and tells how it ended.

import { encodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import { ByteWriter } from "../../sync/wire/bytes.ts";

/** A message of the server. */
export type StreamMessage = Readonly<Record<string, unknown>>;

export interface StreamEnd {
  readonly code: number;
  readonly reason: string;
}

const PATIENCE_MS = 20_000;

/** An open stream. */
export class StreamClient {
  readonly socket: WebSocket;
  readonly received: StreamMessage[] = [];
  readonly ended: Promise<StreamEnd>;
  #wake: () => void = () => undefined;
  #read = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      const text = String(data);
      this.received.push(text === "pong" ? { pong: true } : (JSON.parse(text) as StreamMessage));
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        resolve({ code, reason });
        this.#wake();
      });
    });
  }

  /** Opens a stream and reads its hello. */
  static async open(
    edgeUrl: string,
    device: string,
    token: string,
    query = "",
  ): Promise<StreamClient> {
    const target = `${edgeUrl.replace(/^http/, "ws")}/v1/devices/${device}/stream${query}`;
    // Node's own takes fields of the upgrade; browsers' do not.
    const init = { protocols: ["skerry.ingest.1"], headers: { authorization: `Bearer ${token}` } };
    const client = new StreamClient(new WebSocket(target, init as unknown as string[]));
    await client.next();
    // workerd keeps the connection of a socket that it closes before it ever heard of it, and Node
    // tells of an end only once the connection is gone.
    client.send('{"seen":0}');
    return client;
  }

  get hello(): StreamMessage {
    return this.received[0] ?? {};
  }

  send(message: object | string | Uint8Array<ArrayBuffer>): void {
    const isRaw = typeof message === "string" || message instanceof Uint8Array;
    this.socket.send(isRaw ? message : JSON.stringify(message));
  }

  /** Waits for the next message of the server; rejects if the stream ends before. */
  async next(): Promise<StreamMessage> {
    const untilMs = Date.now() + PATIENCE_MS;
    while (this.received.length === this.#read) {
      if (Date.now() > untilMs) throw new Error("The server is silent");
      if (this.socket.readyState >= WebSocket.CLOSING) {
        const { code, reason } = await this.ended;
        throw new Error(`The stream ended with ${code} ${reason}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 100);
      });
    }
    this.#read += 1;
    return this.received[this.#read - 1] ?? {};
  }

  /** Sends a message and waits for its answer. */
  ask(message: object | string | Uint8Array<ArrayBuffer>): Promise<StreamMessage> {
    this.send(message);
    return this.next();
  }

  async close(): Promise<void> {
    this.socket.close(1000);
    await this.ended;
  }
}

/** Asks for an upgrade and gives the status and the problem that refuses it. */
export async function refusedUpgrade(
  target: string,
  fields: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: StreamMessage }> {
  const { request } = await import("node:http");
  const upgrade = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  };
  return new Promise((resolve, reject) => {
    const sent = request(target, { headers: { ...upgrade, ...fields } });
    sent.on("error", reject);
    sent.on("upgrade", (_response, socket) => {
      socket.destroy();
      resolve({ status: 101, body: {} });
    });
    sent.on("response", (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as StreamMessage }),
      );
    });
    sent.end();
  });
}

/** Writes a binary message of one batch. */
export function binaryMessage(
  batch: Omit<ReadingBatch, "contentHash">,
  sentMs = 0,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  writer.byte(1);
  writer.varint(sentMs);
  writer.raw(encodeBatches([{ ...batch, contentHash: "0".repeat(16) }]));
  return Uint8Array.from(writer.bytes());
}
