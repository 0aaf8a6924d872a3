// What does a site's cache do while its upstream is dead, hangs, or answers errors? (P6) On bare workerd,
// before a real server; told by what clients get, how long they wait, and when the server is asked.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pause, SlowUpstream, until, type Got, type Reply } from "../support/slow-upstream.ts";

/** Targets of each test: those that are stored, and one that is not. */
const TARGETS = 12;
/** What 99 of 100 answers "at once" take at most, milliseconds: far below any patience. */
const AT_ONCE_MS = 200;

let upstream: SlowUpstream;

before(async () => {
  upstream = await SlowUpstream.open();
});
after(() => upstream.close());

const dies: Reply = (_request, response) => void response.destroy();
const hangs: Reply = () => undefined;
const errs: Reply = (_request, response) => void response.writeHead(503).end("overloaded");

const p99 = (waits: readonly number[]): number =>
  waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)] ?? 0;

/** A site's targets, stored and no longer fresh, before a server that does something else from now on. */
class Outage {
  readonly host: string;
  readonly #name: string;
  /** When the server was asked since the outage began, by performance.now(). */
  asks: number[] = [];

  constructor(name: string, host: string) {
    this.#name = name;
    this.host = host;
  }

  target(index: number): string {
    return `/${this.#name}/${index}`;
  }

  async store(fields: Record<string, string>): Promise<void> {
    this.serve((_request, response) => void response.writeHead(200, fields).end("stored"));
    for (let i = 0; i < TARGETS; i += 1) assert.equal((await this.get(i)).text, "stored");
    await pause(1_100);
  }

  /** Stores one more target, which stays fresh. */
  async storeFresh(): Promise<void> {
    const fields = { "cache-control": "max-age=600" };
    const target = `/${this.#name}/fresh`;
    upstream.replies.set(target, (_request, response) => {
      response.writeHead(200, fields).end("fresh");
    });
    await this.getFresh();
  }

  getFresh(): Promise<Got & { readonly tookMs: number }> {
    return this.#time(`/${this.#name}/fresh`);
  }

  serve(reply: Reply): void {
    this.asks = [];
    for (let i = 0; i <= TARGETS; i += 1) {
      upstream.replies.set(this.target(i), (request, response, count) => {
        this.asks.push(performance.now());
        return reply(request, response, count);
      });
    }
  }

  /** Gets a target; the last one was never stored. */
  get(index: number): Promise<Got & { readonly tookMs: number }> {
    return this.#time(this.target(index));
  }

  async #time(target: string): Promise<Got & { readonly tookMs: number }> {
    const startMs = performance.now();
    const got = await upstream.get(target, { host: this.host }).got;
    return { ...got, tookMs: performance.now() - startMs };
  }

  getAll(first: number, end: number): Promise<Got[]> {
    return Promise.all(Array.from({ length: end - first }, (_, i) => this.get(first + i)));
  }

  /** Asks until the upstream counts as away: more failures in a row than are tolerated, over a second. */
  async open(): Promise<void> {
    await this.getAll(0, 6);
    await pause(1_100);
    await this.getAll(6, TARGETS);
    assert.ok((await this.get(0)).headers["skerry-offline"] !== undefined);
  }
}

for (const [name, reply, reason] of [
  ["dead", dies, "origin-unreachable"],
  ["hanging", hangs, "origin-(slow|unreachable)"],
  ["failing", errs, "origin-error"],
] as const) {
  test(`P6: before a ${name} server what is stale comes at once, and it is asked once a second`, async (t) => {
    const outage = new Outage(name, "lax.test");
    await outage.store({ "cache-control": "max-age=1" });
    await outage.storeFresh();
    outage.serve(reply);
    await outage.open();
    outage.asks = [];
    const startMs = performance.now();
    const waits: number[] = [];
    const freshWaits: number[] = [];
    for (let i = 0; performance.now() - startMs < 4_000; i += 1) {
      const got = await outage.get(i % TARGETS);
      assert.equal(got.text, "stored");
      assert.match(got.cache, new RegExp(`^skerry-memory; hit; ttl=-\\d+; detail=${reason}$`));
      assert.match(
        String(got.headers["skerry-offline"]),
        new RegExp(`^${reason}; since=\\d{10}; until=\\d{10}$`),
      );
      waits.push(got.tookMs);
      freshWaits.push((await outage.getFresh()).tookMs);
    }
    const ranMs = performance.now() - startMs;
    const slowestMs = p99(waits);
    assert.ok(slowestMs < AT_ONCE_MS, `p99 of ${waits.length} answers is ${slowestMs} ms`);
    assert.ok(outage.asks.length >= 2, "it is probed");
    assert.ok(outage.asks.length <= Math.ceil(ranMs / 1_000), `${outage.asks.length} probes`);
    const gaps = outage.asks.slice(1).map((ms, i) => ms - (outage.asks[i] ?? 0));
    assert.ok(
      gaps.every((ms) => ms > 950),
      `probes followed each other by ${gaps.join(", ")} ms`,
    );
    t.diagnostic(
      `${waits.length} answers in ${Math.round(ranMs)} ms, ${outage.asks.length} probes`,
    );
    t.diagnostic(`p99 ${slowestMs.toFixed(1)} ms stale, ${p99(freshWaits).toFixed(1)} ms fresh`);
    const fields = { "cache-control": "max-age=60" };
    outage.serve((_request, response) => void response.writeHead(200, fields).end("renewed"));
    let last = await outage.get(1);
    const untilMs = performance.now() + 10_000;
    while (performance.now() < untilMs && last.text !== "renewed") {
      await pause(10);
      last = await outage.get(1);
    }
    assert.equal(last.text, "renewed", "it recovers by itself");
    assert.equal(last.headers["skerry-offline"], undefined);
  });
}

test("P6: what is not stored is a 504 at once while the server is dead, but for the probe", async () => {
  const outage = new Outage("gone", "lax.test");
  await outage.store({ "cache-control": "max-age=1" });
  outage.serve(hangs);
  await outage.open();
  outage.serve(dies);
  await until(() => outage.asks.length > 0 || (void outage.get(0), false), "a probe failed");
  const got = await outage.get(TARGETS);
  assert.equal(got.status, 504);
  assert.match(got.text, /problem:origin-unreachable/);
  assert.ok(Number(got.headers["retry-after"]) >= 1);
  outage.serve(hangs);
  const all = await outage.getAll(0, 1);
  assert.equal(all[0]?.text, "stored");
  const waited = await Promise.all(Array.from({ length: 20 }, () => outage.get(TARGETS)));
  assert.ok(waited.every(({ status }) => status === 504));
  assert.ok(
    waited.every(({ tookMs }) => tookMs < 1_500),
    "nobody waits for a timeout",
  );
});
