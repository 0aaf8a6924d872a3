// npm run soak: does the cache stay right, and no larger, under mixed load for as long as it takes? An
// edge on bare workerd, a server behind it that changes and fails; every byte of every body is compared.
// Progress goes to stderr, the last line is JSON.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { randomOf } from "./fuzz/mutate.ts";
import { buildWorker } from "./launcher/build.ts";
import { EdgeProcess } from "./launcher/edge-process.ts";
import { drawKeys, mintOperatorToken, type Keys } from "./launcher/keys.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import { DEFAULT_REGIONS } from "./launcher/regions.ts";
import { SoakClient } from "./soak/client.ts";
import { SoakLoad, type Purge } from "./soak/load.ts";
import { judgeMemory, residentMb, type MemoryVerdict } from "./soak/memory.ts";
import { FLAKY, SOAK, SoakUpstream } from "./soak/upstream.ts";
import { parseCount, runCommand } from "./terminal.ts";

const WORKERS = 16;
const GROWTH_MAX = 0.1;
/** The warm-up: caches fill, and code is compiled. At most a third of the time. */
const WARM_UP_S = 150;
const PROGRESS_S = 5;
const SECONDS_MAX = 86_400;

const options = new Command("soak")
  .description("Runs mixed load on an edge, and checks every body and the memory that it takes.")
  .option("--minutes <count>", "how long", "10")
  .option("--seconds <count>", "how long, instead of --minutes", "0")
  .option("--seed <number>", "what is asked for is drawn from it", "1")
  .parse()
  .opts<{ readonly minutes: string; readonly seconds: string; readonly seed: string }>();

async function startEdge(
  stateDir: string,
  keys: Keys,
  upstream: SoakUpstream,
): Promise<EdgeProcess> {
  const regions = DEFAULT_REGIONS.slice(0, 1);
  const [region] = regions;
  if (region === undefined) throw new LaunchError("There is no region to run");
  const { url, flakyUrl } = upstream;
  return EdgeProcess.start({
    stateDir,
    bundle: await buildWorker("edge", path.join(stateDir, "bundles")),
    region,
    regions,
    // Nothing is published: the origin is not asked.
    originUrl: "http://127.0.0.1:9",
    keys,
    port: 0,
    sites: { [SOAK]: "soak", [FLAKY]: "flaky" },
    vars: { UPSTREAMS: JSON.stringify({ soak: { url }, flaky: { url: flakyUrl } }) },
  });
}

function purgeAt(edge: EdgeProcess, token: string): Purge {
  return async (target) => {
    const answer = await fetch(`${edge.url}/v1/purge`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ urls: [`http://${SOAK}${target}`] }),
    });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new LaunchError(`A purge was answered with ${answer.status}`);
  };
}

/** Runs the load for so long; gives the edge's memory after the warm-up, MiB, once a second. */
async function run(load: SoakLoad, edge: EdgeProcess, seconds: number): Promise<readonly number[]> {
  const warmUpS = Math.min(WARM_UP_S, Math.floor(seconds / 3));
  const endMs = performance.now() + seconds * 1_000;
  const worker = async (): Promise<void> => {
    while (performance.now() < endMs) await load.step();
  };
  const work = Promise.all(Array.from({ length: WORKERS }, worker));
  const samplesMb: number[] = [];
  for (let second = 1; second <= seconds && edge.isRunning; second += 1) {
    await Promise.race([sleep(1_000), work]);
    const heldMb = residentMb(edge.pid);
    if (second > warmUpS) samplesMb.push(heldMb);
    if (second % PROGRESS_S === 0) tellProgress(load, second, seconds, heldMb);
  }
  await work;
  return samplesMb;
}

function tellProgress({ tally }: SoakLoad, second: number, seconds: number, heldMb: number): void {
  const { requests, wrong, outdated, unexpected, purges } = tally;
  const bad = `${wrong} wrong, ${outdated} outdated, ${unexpected} unexpected`;
  const rate = Math.round(requests / second);
  process.stderr.write(
    `· ${second} of ${seconds} s: ${requests} requests (${rate} a second), ${bad}, ${purges} purges, ${heldMb} MiB\n`,
  );
}

function isFlat({ growth }: MemoryVerdict): boolean {
  return Math.abs(growth) <= GROWTH_MAX || growth < 0;
}

await runCommand(async () => {
  const given = parseCount("--seconds", options.seconds, 0, SECONDS_MAX);
  const minutes = parseCount("--minutes", options.minutes, 1, SECONDS_MAX / 60);
  const seconds = given === 0 ? minutes * 60 : given;
  const below = randomOf(parseCount("--seed", options.seed, 0, 0xffffffff));
  const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-soak-"));
  const upstream = await SoakUpstream.open(below);
  try {
    const keys = await drawKeys();
    const edge = await startEdge(stateDir, keys, upstream);
    const client = new SoakClient(edge.port);
    try {
      const token = await mintOperatorToken(keys, "soak", ["purge"]);
      const load = new SoakLoad(client, upstream, purgeAt(edge, token), below);
      const memory = judgeMemory(await run(load, edge, seconds));
      const { wrong, outdated, unexpected } = load.tally;
      const isRight = wrong + outdated + unexpected === 0;
      // In less than a minute there is no telling what stays: then only what is served counts.
      const isMemoryJudged = seconds >= 60;
      const isOk = isRight && (isFlat(memory) || !isMemoryJudged);
      const { requests: asked, failures } = upstream;
      const told = { ok: isOk, seconds, ...load.tally, memory, isMemoryJudged };
      console.log(JSON.stringify({ ...told, upstream: { requests: asked, failures } }));
      if (!isOk) process.exitCode = 1;
    } finally {
      client.close();
      await edge.kill();
    }
  } finally {
    upstream.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
});
