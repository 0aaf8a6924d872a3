// Does the runtime's self-test see the faults that it is for? A client that has them must not pass.

import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { findFaults, type Seen } from "../../../../tools/launcher/self-test.ts";

/** Reads one answer by its first status line and Content-Length, and keeps what is left over. */
class NaiveClient {
  readonly #sockets = new Map<number, { socket: net.Socket; buffer: string }>();

  async fetchFrom(port: number, path: string): Promise<Seen> {
    const line = this.#sockets.get(port) ?? this.#connect(port);
    line.socket.write(`GET ${path} HTTP/1.1\r\nHost: it\r\n\r\n`);
    const deadlineMs = performance.now() + 200;
    while (performance.now() < deadlineMs) {
      const head = /^HTTP\/1\.1 (\d+)/.exec(line.buffer);
      const end = line.buffer.indexOf("\r\n\r\n") + 4;
      const length = Number(/Content-Length: (\d+)/.exec(line.buffer.slice(0, end))?.[1] ?? 0);
      if (head !== null && end > 4 && line.buffer.length >= end + length) {
        const body = line.buffer.slice(end, end + length);
        line.buffer = line.buffer.slice(end + length);
        return { status: Number(head[1]), body };
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return { status: 0, body: "no answer" };
  }

  close(): void {
    for (const { socket } of this.#sockets.values()) socket.destroy();
  }

  #connect(port: number): { socket: net.Socket; buffer: string } {
    const line = { socket: net.connect(port, "127.0.0.1"), buffer: "" };
    line.socket.setEncoding("latin1").on("data", (chunk: string) => (line.buffer += chunk));
    line.socket.on("error", () => undefined);
    this.#sockets.set(port, line);
    return line;
  }
}

test("findFaults() catches a client that takes leftover bytes and interim answers for answers", async () => {
  const client = new NaiveClient();
  const { faults, known } = await findFaults((port, path) => client.fetchFrom(port, path));
  client.close();
  const found = faults.join("\n");
  assert.match(found, /the answer after bytes behind Content-Length: 203 "poison" instead of 200/);
  assert.match(found, /a 103 before the answer: 103 /);
  assert.match(found, /a 100 before the answer: 100 /);
  assert.match(known.join("\n"), /the answer after bytes on an idle connection: 203 "poison"/);
});

test("findFaults() has nothing to say about a client of one connection a request", async () => {
  const findings = await findFaults(fetchOnce);
  assert.deepEqual(findings, { faults: [], known: [] });
});

function fetchOnce(port: number, path: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    request.on("error", reject);
  });
}
