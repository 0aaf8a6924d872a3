// An HTTP server whose answers a test sends piece by piece, and an edge with two isolates before it.

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import http from "node:http";
import { createHash } from "node:crypto";
import type net from "node:net";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { buildWorker } from "../../tools/launcher/build.ts";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { drawKeys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";

/** What the server does with a request; `count` is how often the path was asked for, this one too. */
export type Reply = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  count: number,
) => void | Promise<void>;

/** What a client got. `firstMs` is when the first byte of the body came, by performance.now(). */
export interface Got {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly cache: string;
  readonly firstMs: number;
  /** Whether the connection was cut before the end of the body. */
  readonly isCut: boolean;
}

/** One edge before one server. */
export class SlowUpstream {
  readonly replies = new Map<string, Reply>();
  readonly edge: EdgeProcess;
  readonly #server: http.Server;
  /** Where the edge keeps what it stores. */
  readonly stateDir: string;
  readonly #counts: Map<string, number>;

  private constructor(
    edge: EdgeProcess,
    server: http.Server,
    stateDir: string,
    counts: Map<string, number>,
    replies: Map<string, Reply>,
  ) {
    this.edge = edge;
    this.#server = server;
    this.stateDir = stateDir;
    this.#counts = counts;
    this.replies = replies;
  }

  /** @param vars  Of the edge, besides its own. */
  static async open(vars: Readonly<Record<string, string>> = {}): Promise<SlowUpstream> {
    const replies = new Map<string, Reply>();
    const counts = new Map<string, number>();
    const server = http.createServer((request, response) => {
      const target = (request.url ?? "").split("?")[0] ?? "";
      const count = (counts.get(target) ?? 0) + 1;
      counts.set(target, count);
      response.on("error", () => undefined);
      const reply = replies.get(target);
      if (reply === undefined) response.writeHead(404).end();
      else void reply(request, response, count);
    });
    server.on("upgrade", (request, socket: net.Socket) => {
      if (request.url?.startsWith("/socket") !== true)
        return void socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
      echoOn(socket, request);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 4_096, resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-flights-"));
    const regions = DEFAULT_REGIONS.slice(0, 1);
    const [region] = regions;
    assert.ok(region !== undefined);
    const edge = await EdgeProcess.start({
      stateDir,
      bundle: await buildWorker("edge", path.join(stateDir, "bundles")),
      region,
      regions,
      originUrl: "http://127.0.0.1:9",
      keys: await drawKeys(),
      port: 0,
      hasTwin: true,
      sites: { "*": "one", "lax.test": "lax" },
      vars: { UPSTREAMS: JSON.stringify({ one: { url }, lax: { url, profile: "rfc" } }), ...vars },
    });
    return new SlowUpstream(edge, server, stateDir, counts, replies);
  }

  /** How often the server was asked for a path. */
  asked(target: string): number {
    return this.#counts.get(target) ?? 0;
  }

  async close(): Promise<void> {
    await this.edge.kill();
    this.#server.closeAllConnections();
    this.#server.close();
    await fs.rm(this.stateDir, { recursive: true, force: true });
  }

  /** Starts a GET; `abort` closes the client's connection. */
  get(
    target: string,
    headers: http.OutgoingHttpHeaders = {},
    base: string = this.edge.url,
  ): { readonly got: Promise<Got>; readonly head: Promise<void>; readonly abort: () => void } {
    const head = Promise.withResolvers<void>();
    const got = Promise.withResolvers<Got>();
    const options = { headers, agent: false as const };
    const request = http.get(`${base}${target}`, options, (response) => {
      head.resolve();
      const chunks: Buffer[] = [];
      let firstMs = Number.NaN;
      const end = (isCut: boolean): void =>
        got.resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
          cache: String(response.headers["cache-status"]),
          firstMs,
          isCut,
        });
      response.on("data", (chunk: Buffer) => {
        if (chunks.length === 0) firstMs = performance.now();
        chunks.push(chunk);
      });
      response.on("error", () => end(true));
      response.on("end", () => end(!response.complete));
    });
    request.on("error", (error) => {
      head.reject(error);
      got.reject(error);
    });
    head.promise.catch(() => undefined);
    got.promise.catch(() => undefined);
    return { got: got.promise, head: head.promise, abort: () => request.destroy() };
  }
}

/** Speaks RFC 6455 just enough to answer each short text with the target and that text. */
function echoOn(socket: net.Socket, { url, headers }: http.IncomingMessage): void {
  const key = `${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const head = [
    "HTTP/1.1 101 Switching Protocols",
    "upgrade: websocket",
    "connection: upgrade",
    `sec-websocket-accept: ${createHash("sha1").update(key).digest("base64")}`,
    `sec-websocket-protocol: ${headers["sec-websocket-protocol"]}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.on("error", () => undefined);
  socket.on("data", (data: Buffer) => {
    // One masked text frame of less than 126 bytes, or whatever else, which ends it.
    if (data[0] !== 0x81) return void socket.destroy();
    const mask = data.subarray(2, 6);
    const text = data.subarray(6).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
    const answer = Buffer.from(`${url} heard ${Buffer.from(text).toString()}`);
    socket.write(Buffer.concat([Buffer.from([0x81, answer.length]), answer]));
  });
}

/** Waits until `isTrue`, or fails. */
export async function until(isTrue: () => boolean, what: string, msMax = 5_000): Promise<void> {
  for (const endMs = performance.now() + msMax; performance.now() < endMs;) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`It did not come to this: ${what}`);
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
