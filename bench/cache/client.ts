// The client of bench:cache, a process of its own: keep-alive connections with raw sockets, one request
// outstanding on each. It is the same for every system.

import net from "node:net";
import { LOOPBACK } from "../../tools/launcher/ports.ts";
import { percentile } from "../ingest/statistics.ts";
import type { Job, Outcome, Said } from "./job.ts";

const JOB_MS_MAX = 120_000;

/** What is left to send, for all connections. */
class Requests {
  readonly #job: Job;
  readonly #startedMs = performance.now();
  #sent = 0;

  constructor(job: Job) {
    this.#job = job;
  }

  /** The next request, and when it is due; null: there is none. */
  next(): { readonly text: string; readonly inMs: number } | null {
    const { requests, targets, fields, port, perS } = this.#job;
    if (this.#sent >= requests) return null;
    const dueMs = perS === 0 ? 0 : this.#startedMs + (this.#sent * 1_000) / perS;
    const target = (targets[this.#sent % targets.length] ?? "/").replace("#", uniqueName());
    this.#sent += 1;
    const text = `GET ${target} HTTP/1.1\r\nHost: ${LOOPBACK}:${port}\r\nAccept: */*\r\nAccept-Encoding: gzip, br\r\nUser-Agent: bench\r\n${fields}\r\n`;
    return { text, inMs: Math.max(0, dueMs - performance.now()) };
  }
}

let names = 0;
/** A name that no other request of any job has. */
function uniqueName(): string {
  names += 1;
  return `${process.pid}-${names}`;
}

interface Done {
  readonly latenciesMs: readonly number[];
  readonly bytes: number;
  readonly head: string;
}

/** Sends and reads on one connection until nothing is left. */
function drive(job: Job, requests: Requests): Promise<Done> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(job.port, LOOPBACK);
    socket.setNoDelay(true);
    const latenciesMs: number[] = [];
    let [startedMs, bytes] = [0, 0];
    const answer = new Answer(job.statuses);
    const send = (): void => {
      const next = requests.next();
      if (next === null) {
        socket.destroy();
        resolve({ latenciesMs, bytes, head: answer.head });
        return;
      }
      const write = (): void => {
        startedMs = performance.now();
        socket.write(next.text);
      };
      if (next.inMs < 1) write();
      else setTimeout(write, next.inMs);
    };
    socket.once("connect", send);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after: ${answer.head.slice(0, 300)}`)));
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      const verdict = answer.take(chunk);
      if (verdict === "more") return;
      if (verdict === "wrong") {
        reject(new Error(`wrong answer: ${answer.head.slice(0, 300)}`));
        return;
      }
      latenciesMs.push(performance.now() - startedMs);
      send();
    });
  });
}

/** Tells where an answer ends: by its Content-Length, or its last chunk. */
class Answer {
  readonly #statuses: readonly number[];
  #early = "";
  /** Bytes of the body that are to come; null: the head is not complete. */
  #left: number | null = null;
  #isChunked = false;
  #tail = "";
  head = "";

  constructor(statuses: readonly number[]) {
    this.#statuses = statuses;
  }

  take(chunk: Buffer): "more" | "done" | "wrong" {
    let rest = chunk;
    if (this.#left === null && !this.#isChunked) {
      const text = this.#early + chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#early = text;
        return "more";
      }
      rest = chunk.subarray(end + 4 - this.#early.length);
      this.#early = "";
      this.head = text.slice(0, end);
      if (!this.#statuses.includes(Number(this.head.slice(9, 12)))) return "wrong";
      this.#isChunked = /\r\ntransfer-encoding: chunked/i.test(this.head);
      const length = /\r\ncontent-length: (\d+)/i.exec(this.head)?.[1];
      if (!this.#isChunked) this.#left = Number(length ?? 0);
    }
    return this.#isBodyOver(rest) ? "done" : "more";
  }

  #isBodyOver(bytes: Buffer): boolean {
    if (this.#isChunked) {
      this.#tail = (this.#tail + bytes.toString("latin1", Math.max(0, bytes.length - 5))).slice(-5);
      if (this.#tail !== "0\r\n\r\n") return false;
      [this.#isChunked, this.#tail] = [false, ""];
      return true;
    }
    this.#left = (this.#left ?? 0) - bytes.length;
    if (this.#left > 0) return false;
    this.#left = null;
    return true;
  }
}

async function run(job: Job): Promise<Outcome> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const requests = new Requests(job);
  const all = Array.from({ length: job.connections }, () => drive(job, requests));
  const late = setTimeout(() => process.exit(1), JOB_MS_MAX);
  const done = await Promise.all(all).finally(() => clearTimeout(late));
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  const latencies = done.flatMap(({ latenciesMs }) => latenciesMs);
  return {
    answers: latencies.length,
    elapsedMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    clientCpuMs: (user + system) / 1_000,
    bytes: done.reduce((sum, one) => sum + one.bytes, 0),
    head: done.at(-1)?.head ?? "",
  };
}

process.on("message", (job: Job) => {
  void run(job)
    .then(
      (outcome): Said => ({ said: "done", outcome }),
      (error: unknown): Said => ({ said: "failed", why: String(error) }),
    )
    .then((said) => process.send?.(said));
});
process.on("disconnect", () => process.exit(0));
