// Where an attacker and a victim meet: an edge on bare workerd with sites before one server that a test
// makes answer as it likes, byte for byte if need be, and clients that send whatever bytes they like.

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { buildWorker } from "../../tools/launcher/build.ts";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { drawKeys, type Keys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";

/** A request as the server saw it; names in lower case, lines of one name joined with ", ". */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** The head as it came. */
  readonly head: string;
}

/** An answer of the server. `raw` is sent as it is; otherwise a whole message is made. */
export type Reply =
  | { readonly raw: string; readonly isClosed?: boolean }
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** What a client got. */
export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  readonly cache: string;
}

/** Makes an answer; `count` is how often this path was asked for, this time too. */
export type Replying = (seen: Seen, count: number, socket: net.Socket) => Reply | null;

const SITES = { "one.test": "one", "two.test": "two", "lax.test": "lax", "any.test": "any" };

/** One edge before one server. */
export class AttackSite {
  readonly edge: EdgeProcess;
  readonly keys: Keys;
  /** All that the server was asked, in order. */
  readonly seen: Seen[] = [];
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #stateDir: string;
  readonly #replies: Map<string, Replying>;

  private constructor(
    edge: EdgeProcess,
    keys: Keys,
    server: net.Server,
    stateDir: string,
    replies: Map<string, Replying>,
  ) {
    this.edge = edge;
    this.keys = keys;
    this.#server = server;
    this.#stateDir = stateDir;
    this.#replies = replies;
  }

  static async open(): Promise<AttackSite> {
    const replies = new Map<string, Replying>();
    let site: AttackSite | null = null;
    const server = net.createServer((socket) => {
      if (site !== null) new ServerConnection(socket, (seen) => site?.answer(seen, socket) ?? null);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 4_096, resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-attack-"));
    const regions = DEFAULT_REGIONS.slice(0, 1);
    const [region] = regions;
    assert.ok(region !== undefined);
    const keys = await drawKeys();
    const edge = await EdgeProcess.start({
      stateDir,
      bundle: await buildWorker("edge", path.join(stateDir, "bundles")),
      region,
      regions,
      originUrl: "http://127.0.0.1:9",
      keys,
      port: 0,
      // "any" is served under several names, so that none of them may be told on.
      sites: { ...SITES, "other.test": "any" },
      vars: {
        UPSTREAMS: JSON.stringify({
          one: { url },
          two: { url },
          any: { url },
          lax: { url, profile: "rfc" },
        }),
      },
    });
    site = new AttackSite(edge, keys, server, stateDir, replies);
    return site;
  }

  /** Has the server answer a path, whatever its query. */
  serve(target: string, replying: Replying): void {
    this.#replies.set(target, replying);
  }

  /** How often the server was asked for a path. */
  asked(target: string): number {
    return this.seen.filter(({ target: url }) => url.split("?", 1)[0] === target).length;
  }

  answer(seen: Seen, socket: net.Socket): Reply | null {
    this.#sockets.add(socket);
    this.seen.push(seen);
    const target = seen.target.split("?", 1)[0] ?? "";
    const replying = this.#replies.get(target);
    return replying === undefined
      ? { status: 404, body: "nothing here" }
      : replying(seen, this.asked(target), socket);
  }

  /** Sends a request as it is described, and gives the whole answer. */
  async send(
    target: string,
    headers: Readonly<Record<string, string | readonly string[]>> = {},
    method = "GET",
    body = "",
  ): Promise<Answer> {
    const answer = await this.attempt(target, headers, method, body);
    return answer ?? assert.fail(`no answer to ${method} ${target}`);
  }

  /** The same where the connection may be cut before there is an answer; null: it was. */
  async attempt(
    target: string,
    headers: Readonly<Record<string, string | readonly string[]>> = {},
    method = "GET",
    body = "",
  ): Promise<Answer | null> {
    const lines = Object.entries({ host: "one.test", ...headers }).flatMap(([name, value]) =>
      (typeof value === "string" ? [value] : value).map((one) => `${name}: ${one}`),
    );
    const length = body === "" ? [] : [`content-length: ${Buffer.byteLength(body)}`];
    const head = [`${method} ${target} HTTP/1.1`, ...lines, ...length, "connection: close"];
    const [answer] = await this.raw(`${head.join("\r\n")}\r\n\r\n${body}`, method === "HEAD");
    return answer ?? null;
  }

  /** Sends bytes as they are, and gives every answer until the connection ends or is silent. */
  async raw(bytes: string, isHead = false, silenceMs = 15_000): Promise<readonly Answer[]> {
    const got = await exchange(this.edge.port, bytes, silenceMs);
    return readAnswers(got, isHead);
  }

  async close(): Promise<void> {
    await this.edge.kill();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await fs.rm(this.#stateDir, { recursive: true, force: true });
  }
}

/** Reads requests off a connection, one after the other, and writes their answers. */
class ServerConnection {
  readonly #socket: net.Socket;
  readonly #answer: (seen: Seen) => Reply | null;
  #pending = Buffer.alloc(0);

  constructor(socket: net.Socket, answer: (seen: Seen) => Reply | null) {
    this.#socket = socket;
    this.#answer = answer;
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, data]);
      for (let isMore = true; isMore;) isMore = this.#readOne();
    });
  }

  #readOne(): boolean {
    const end = this.#pending.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const head = this.#pending.subarray(0, end).toString("latin1");
    const headers = headersOf(head);
    const rest = this.#pending.subarray(end + 4);
    const isChunked = headers.get("transfer-encoding") === "chunked";
    const length = isChunked
      ? rest.indexOf("0\r\n\r\n") + 5
      : Number(headers.get("content-length") ?? "0");
    if (rest.length < length || (isChunked && length < 5)) return false;
    this.#pending = rest.subarray(length);
    const [method = "", target = ""] = head.split(" ", 2);
    const body = rest.subarray(0, length).toString("latin1");
    const reply = this.#answer({ method, target, headers, body, head });
    if (reply !== null) this.#write(reply, method);
    return true;
  }

  #write(reply: Reply, method: string): void {
    if ("raw" in reply) {
      this.#socket.write(reply.raw, "latin1");
      if (reply.isClosed === true) this.#socket.end();
      return;
    }
    const { status = 200, headers = {}, body = "" } = reply;
    const hasBody = status !== 204 && status !== 304 && method !== "HEAD";
    const length = hasBody ? { "content-length": String(Buffer.byteLength(body)) } : {};
    const lines = Object.entries({ ...length, ...headers }).map(([k, v]) => `${k}: ${v}`);
    const head = [`HTTP/1.1 ${status} Status`, ...lines].join("\r\n");
    this.#socket.write(`${head}\r\n\r\n${hasBody ? body : ""}`);
  }
}

function headersOf(head: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of head.split("\r\n").slice(1)) {
    const at = line.indexOf(":");
    const name = line.slice(0, at).toLowerCase();
    const before = headers.get(name);
    const value = line.slice(at + 1).trim();
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** Writes bytes and reads until the other end closes, or says nothing for so long. */
function exchange(port: number, bytes: string, silenceMs: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    const end = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    socket.setTimeout(silenceMs, end);
    socket.on("data", (data: Buffer) => chunks.push(data));
    socket.on("error", end);
    socket.on("close", end);
  });
}

/** Takes what came apart into answers; what is not one is a failure. */
function readAnswers(bytes: Buffer, isHead: boolean): readonly Answer[] {
  const answers: Answer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const end = rest.indexOf("\r\n\r\n");
    const head = rest.subarray(0, end).toString("latin1");
    const status = Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(head)?.[1] ?? "0");
    assert.ok(end > 0 && status > 0, `no answer: ${rest.toString("latin1", 0, 200)}`);
    const headers = headersOf(head);
    const hasBody = !isHead && status !== 204 && status !== 304;
    const [body, length] = hasBody ? bodyOf(rest.subarray(end + 4), headers) : ["", 0];
    const cache = headers.get("cache-status") ?? "";
    answers.push({ status, headers, text: body, cache });
    rest = rest.subarray(end + 4 + length);
  }
  return answers;
}

/** The body behind a head, and how many bytes it takes; one that was cut off ends with "(cut)". */
function bodyOf(rest: Buffer, headers: ReadonlyMap<string, string>): [string, number] {
  if (headers.get("transfer-encoding") !== "chunked") {
    const length = Number(headers.get("content-length") ?? rest.length);
    const body = rest.subarray(0, length);
    return [`${body.toString("latin1")}${body.length < length ? "(cut)" : ""}`, body.length];
  }
  let text = "";
  for (let at = 0; ;) {
    const line = rest.indexOf("\r\n", at);
    const size = line < 0 ? Number.NaN : Number.parseInt(rest.toString("latin1", at, line), 16);
    if (Number.isNaN(size)) return [`${text}(cut)`, rest.length];
    text += rest.toString("latin1", line + 2, line + 2 + size);
    at = line + 2 + size + 2;
    if (size === 0) return [text, at];
  }
}

/** Tells whether an answer came from the cache without the server. */
export const isHit = ({ cache }: Answer): boolean => /^skerry-(memory|region); hit/.test(cache);

export const FRESH = { "cache-control": "max-age=60" };
