// npm run bench:joiners: how long behind the leader do those that wait for the same answer get its first
// byte? Fifty connections wait for one request to the upstream; when its head and first piece come, the
// time of each one's first byte of the body is taken, off raw sockets, because a client that parses takes
// longer than what is measured. In turn with it, as many that are answered from memory: what of the
// time is that of so many answers at once. Progress goes to stderr; the last line is JSON.

import { mkdirSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { Command } from "commander";
import { pause, SlowUpstream, until } from "../test/support/slow-upstream.ts";
import { parseCount, runCommand } from "../tools/terminal.ts";

const JOINERS = 50;
const FRESH = { "cache-control": "max-age=600" };
const BEHIND_MS_MAX = 5;
/** Rounds that only warm up. */
const WARM_UP = 5;

const options = new Command("bench:joiners")
  .description("Measures how far behind the leader of a flight those are that joined it.")
  .option("--rounds <count>", "how many of each", "40")
  .option("--out <file>", "where the result is written", "bench/results/joiners.json")
  .parse()
  .opts<{ readonly rounds: string; readonly out: string }>();

/** One crowd: all ask for `target`, `release` lets the answer come; gives when each had its first byte. */
async function crowd(
  port: number,
  target: string,
  release: () => Promise<void>,
): Promise<readonly number[]> {
  const sockets = await Promise.all(Array.from({ length: JOINERS + 1 }, () => connect(port)));
  const firstBytes = sockets.map((socket) => firstByteOf(socket));
  for (const socket of sockets) socket.write(`GET ${target} HTTP/1.1\r\nhost: one.test\r\n\r\n`);
  await release();
  const timesMs = await Promise.all(firstBytes);
  for (const socket of sockets) socket.destroy();
  return timesMs.toSorted((a, b) => a - b);
}

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(socket));
    socket.setNoDelay(true);
    socket.once("error", reject);
  });
}

/** When the body's first byte is there. */
function firstByteOf(socket: net.Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let got = "";
    socket.on("data", (data: Buffer) => {
      got += data.toString("latin1");
      if (got.includes("one", got.indexOf("\r\n\r\n"))) resolve(performance.now());
    });
    socket.once("close", () => reject(new Error("The connection was cut")));
  });
}

/** A round of joiners: how far each is behind the first, ms, in order. */
async function joinersRound(upstream: SlowUpstream, port: number, n: number): Promise<number[]> {
  const target = `/joined/${n}`;
  const begin = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  upstream.replies.set(target, async (_request, response) => {
    await begin.promise;
    response.writeHead(200, FRESH).write("one ");
    await end.promise;
    response.end("two");
  });
  const times = await crowd(port, target, async () => {
    await until(() => upstream.asked(target) === 1, "one request");
    await pause(50);
    begin.resolve();
  });
  end.resolve();
  if (upstream.asked(target) !== 1) throw new Error(`${upstream.asked(target)} requests went out`);
  return behind(times);
}

/** A round of hits, of what is stored already. */
async function hitsRound(upstream: SlowUpstream, port: number): Promise<number[]> {
  upstream.replies.set("/stored", (_request, response) => {
    response.writeHead(200, FRESH).end("one two");
  });
  await upstream.get("/stored").got;
  return behind(await crowd(port, "/stored", () => Promise.resolve()));
}

function behind(times: readonly number[]): number[] {
  const [first = 0, ...others] = times;
  return others.map((ms) => ms - first);
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return Math.round(found * 100) / 100;
}

/**
 * `lastMs` is the median over the rounds of a round's last, which of fifty is its 99th percentile; `p99Ms`
 * is over all of all rounds, and on a busy machine tells of pauses that have nothing to do with either.
 */
function summaryOf(rounds: readonly (readonly number[])[]): Readonly<Record<string, number>> {
  const all = rounds.flat();
  const lasts = rounds.map((one) => one.at(-1) ?? 0);
  return {
    p50Ms: quantile(all, 0.5),
    p99Ms: quantile(all, 0.99),
    lastMs: quantile(lasts, 0.5),
    lastAtBestMs: quantile(lasts, 0),
  };
}

await runCommand(async () => {
  const count = parseCount("--rounds", options.rounds, 1, 10_000);
  const upstream = await SlowUpstream.open();
  try {
    const port = Number(new URL(upstream.edge.url).port);
    const [joined, hits]: [number[][], number[][]] = [[], []];
    for (let n = 0; n < WARM_UP + count; n += 1) {
      const [joiners, stored] = [
        await joinersRound(upstream, port, n),
        await hitsRound(upstream, port),
      ];
      if (n < WARM_UP) continue;
      joined.push(joiners);
      hits.push(stored);
      if (joined.length % 10 === 0) process.stderr.write(`· ${joined.length} of ${count} rounds\n`);
    }
    const joiners = summaryOf(joined);
    const told = {
      joiners: JOINERS,
      rounds: count,
      behindTheFirst: joiners,
      ofHits: summaryOf(hits),
    };
    const isMet = (joiners["lastMs"] ?? Infinity) <= BEHIND_MS_MAX;
    const report = { ...told, boundMs: BEHIND_MS_MAX, isMet };
    mkdirSync(path.dirname(options.out), { recursive: true });
    writeFileSync(options.out, `${JSON.stringify(report, null, 2)}\n`);
    console.log(JSON.stringify(report));
  } finally {
    await upstream.close();
  }
});
