// The bench's client, a process of its own: it writes all batches before the clock starts, then only
// sends and waits. It is the same for every system.

import net from "node:net";
import { LOOPBACK } from "../../tools/launcher/ports.ts";
import { DIALECTS, type Dialect, type Verdict } from "./dialect.ts";
import type { Ask, Job, Outcome, Said } from "./job.ts";
import { Device } from "./readings.ts";
import { percentile } from "./statistics.ts";

const ANSWER_MS_MAX = 60_000;

/** One connection with its batches. */
class Connection {
  readonly #dialect: Dialect;
  readonly #batches: readonly Buffer[];
  readonly #count: number;
  readonly #socket: net.Socket;
  #judge: (answer: Buffer) => Verdict = () => ({ wrong: "it spoke without being asked" });
  #answer: Buffer = Buffer.alloc(0);
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;
  #sent = 0;
  bytesSent = 0;
  readonly latenciesMs: number[] = [];

  private constructor(job: Job, batches: readonly Buffer[], socket: net.Socket) {
    this.#dialect = DIALECTS[job.dialect];
    this.#batches = batches;
    this.#count = job.batch;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("error", (error) => this.#fail(error.message));
    socket.on("close", () => this.#fail("the connection was closed"));
  }

  static async open(job: Job, at: number): Promise<Connection> {
    const { id = "", token = "" } = job.devices[at] ?? {};
    const device = new Device(id, at);
    const { batch, hello }: Dialect = DIALECTS[job.dialect];
    const batches = Array.from({ length: job.batchesEach }, (_, index) =>
      batch(device, token, index + 1, job.batch),
    );
    const socket = net.connect(job.port, LOOPBACK);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const connection = new Connection(job, batches, socket);
    if (hello !== null) await within(connection.#ask(hello.bytes(device, token), hello.judge), 0);
    return connection;
  }

  get isUsedUp(): boolean {
    return this.#sent >= this.#batches.length;
  }

  /** Sends batch after batch, each after the answer of the one before, while `goesOn`. */
  async run(goesOn: () => boolean): Promise<void> {
    const { judge } = this.#dialect;
    const judgeBatch = (answer: Buffer): Verdict => judge(answer, this.#count);
    while (!this.isUsedUp && goesOn()) {
      const bytes = this.#batches[this.#sent] ?? Buffer.alloc(0);
      const startedMs = performance.now();
      await this.#ask(bytes, judgeBatch);
      this.latenciesMs.push(performance.now() - startedMs);
      this.#sent += 1;
      this.bytesSent += bytes.length;
    }
  }

  close(): void {
    this.#settle = null;
    this.#socket.destroy();
  }

  #ask(bytes: Buffer, judge: (answer: Buffer) => Verdict): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#judge = judge;
      this.#socket.write(bytes);
    });
  }

  #take(bytes: Buffer): void {
    this.#answer = this.#answer.length === 0 ? bytes : Buffer.concat([this.#answer, bytes]);
    const verdict = this.#judge(this.#answer);
    if (verdict === "more") return;
    this.#answer = Buffer.alloc(0);
    const settle = this.#settle;
    this.#settle = null;
    if (verdict === "good") settle?.resolve();
    else settle?.reject(new Error(`wrong answer: ${JSON.stringify(verdict.wrong)}`));
  }

  #fail(why: string): void {
    this.#settle?.reject(new Error(why));
    this.#settle = null;
  }
}

let job: Job | null = null;
let connections: readonly Connection[] = [];

async function prepare(asked: Job): Promise<Said> {
  job = asked;
  connections = await Promise.all(asked.devices.map((_, at) => Connection.open(asked, at)));
  return { said: "ready" };
}

async function go({ batch, durationMs, isWhole }: Job): Promise<Said> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  // The first that has nothing left ends it for all: with fewer connections it is another cell.
  const goesOn = (): boolean =>
    isWhole ||
    (performance.now() - startedMs < durationMs && !connections.some((other) => other.isUsedUp));
  await within(Promise.all(connections.map((connection) => connection.run(goesOn))), durationMs);
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  const latencies = connections.flatMap(({ latenciesMs }) => latenciesMs);
  const outcome: Outcome = {
    answers: latencies.length,
    readings: latencies.length * batch,
    elapsedMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    clientCpuMs: (user + system) / 1000,
    bytesSent: connections.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
  };
  return { said: "done", outcome };
}

function close(): Said {
  for (const connection of connections) connection.close();
  connections = [];
  return { said: "closed" };
}

async function within<T>(work: Promise<T>, durationMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const boundMs = durationMs + ANSWER_MS_MAX;
    timer = setTimeout(() => reject(new Error(`no answer within ${boundMs} ms`)), boundMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function answer(asked: Ask): Promise<Said> {
  if (asked.ask === "prepare") return prepare(asked.job);
  if (asked.ask === "go" && job !== null) return go(job);
  return close();
}

process.on("message", (asked: Ask) => {
  void answer(asked)
    .catch((error: unknown): Said => {
      close();
      return { said: "failed", why: error instanceof Error ? error.message : String(error) };
    })
    .then((said) => process.send?.(said));
});
process.on("disconnect", () => process.exit(0));
