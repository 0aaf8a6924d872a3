// How is one cell of one contestant measured? Servers with fresh folders, tokens for fresh devices,
// batches written ahead; then the clock and the server's processor time, around nothing but the loop.

import { rmSync } from "node:fs";
import path from "node:path";
import { mintDeviceToken, type Keys } from "../../tools/launcher/keys.ts";
import type { ClientProcess } from "./client-process.ts";
import type { Cell, Contestant, ServerName } from "./contestants.ts";
import { countSyncs } from "./fsyncs.ts";
import { startInflux } from "./influx.ts";
import type { Job, Outcome } from "./job.ts";
import type { Packages } from "./packages.ts";
import { startPostgres } from "./postgres.ts";
import { cpuMsOf, idle } from "./process-tree.ts";
import { startRedis } from "./redis.ts";
import type { Server } from "./server.ts";
import { RULES, startSkerry } from "./skerry.ts";

/** What one round found of one contestant in one cell. */
export interface Sample {
  readonly readingsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds of the server's processor time a reading. */
  readonly cpuUs: number;
  /** The client's own processor time, as a share of a core. */
  readonly clientShare: number;
  readonly bytesPerReading: number;
}

/** What every measurement needs. */
export interface Bench {
  readonly folder: string;
  readonly bundle: string;
  readonly keys: Keys;
  /** Null if no peer takes part. */
  readonly packages: Packages | null;
  readonly client: ClientProcess;
}

export type Servers = ReadonlyMap<ServerName, Server>;

/** First guesses of readings a second, by batch: how many batches are written ahead. */
const FIRST_RATES: readonly (readonly [number, number])[] = [
  [1000, 2_000_000],
  [100, 800_000],
  [1, 40_000],
];
const AHEAD = 1.5;
/** How long a server may take to come to rest after a measurement. */
const REST_MS_MAX = 5_000;

export class Harness {
  readonly #bench: Bench;
  readonly #rates = new Map<string, number>();
  #folders = 0;
  #devices = 0;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** Runs `work` with fresh servers, which are ended whatever happens. */
  async withServers<T>(
    names: readonly ServerName[],
    settles: boolean,
    work: (servers: Servers) => Promise<T>,
  ): Promise<T> {
    const servers = new Map<ServerName, Server>();
    this.#folders += 1;
    const folder = path.join(this.#bench.folder, `servers-${this.#folders}`);
    try {
      for (const name of names)
        servers.set(name, await this.#start(name, path.join(folder, name), settles));
      return await work(servers);
    } finally {
      await Promise.allSettled([...servers.values()].map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Measures one cell for about `seconds`. */
  async measure(
    { cell, contestant }: { readonly cell: Cell; readonly contestant: Contestant },
    servers: Servers,
    seconds: number,
  ): Promise<Sample> {
    const server = serverOf(servers, contestant);
    const job = await this.#job(contestant, cell, server, seconds);
    const sample = await this.#bench.client.run(job, async (go) => {
      const before = cpuMsOf(server.pid);
      const outcome = await go();
      return sampleOf(outcome, cpuMsOf(server.pid) - before);
    });
    this.#rates.set(`${contestant.id} ${cell.name}`, sample.readingsPerS);
    await server.rest();
    // What it put off, such as sealing or compaction, is done in nobody else's time.
    await idle(server.pid, REST_MS_MAX);
    return sample;
  }

  /** Counts the syncs an answer in one cell; null without the packages, of which one is strace. */
  async syncsPerAnswer(
    { cell, contestant }: { readonly cell: Cell; readonly contestant: Contestant },
    servers: Servers,
    seconds: number,
  ): Promise<number | null> {
    const { packages, client, folder } = this.#bench;
    if (packages === null) return null;
    const server = serverOf(servers, contestant);
    const job = await this.#job(contestant, cell, server, seconds);
    const report = path.join(folder, "strace.txt");
    const counted = await client.run(job, (go) => countSyncs(packages, server.pid, report, go));
    await server.rest();
    return counted.syncs / counted.result.answers;
  }

  /** Loads `readings` and returns the bytes on disk when all is at rest; the server may be ended. */
  async weigh(
    contestant: Contestant,
    cell: Cell,
    servers: Servers,
    readings: number,
  ): Promise<{ readonly readings: number; readonly bytes: number }> {
    const server = serverOf(servers, contestant);
    const batchesEach = Math.max(1, Math.round(readings / cell.connections / cell.batch));
    const job = { ...(await this.#job(contestant, cell, server, 0)), batchesEach, isWhole: true };
    const outcome = await this.#bench.client.run(job, (go) => go());
    return { readings: outcome.readings, bytes: await server.settledBytes() };
  }

  async #job(contestant: Contestant, cell: Cell, server: Server, seconds: number): Promise<Job> {
    const { batch, connections } = cell;
    const guess = FIRST_RATES.find(([least]) => batch >= least)?.[1] ?? 0;
    const rate = this.#rates.get(`${contestant.id} ${cell.name}`) ?? guess;
    const devices = Array.from({ length: connections }, async () => {
      this.#devices += 1;
      const id = `d${this.#devices}`;
      const isOurs = contestant.server.startsWith("skerry");
      return { id, token: isOurs ? await mintDeviceToken(this.#bench.keys, id) : "" };
    });
    return {
      dialect: contestant.id,
      port: server.port,
      devices: await Promise.all(devices),
      batch,
      batchesEach: Math.ceil((rate * seconds * AHEAD) / connections / batch) + 2,
      durationMs: seconds * 1000,
      isWhole: false,
    };
  }

  #start(name: ServerName, dir: string, settles: boolean): Promise<Server> {
    const { bundle, keys, packages } = this.#bench;
    if (name === "skerry") return startSkerry(bundle, keys, dir, RULES);
    if (name === "skerry-unruled") return startSkerry(bundle, keys, dir, {});
    if (packages === null) throw new Error(`${name} has no packages`);
    if (name === "influxdb") return startInflux(packages, dir, settles);
    return name === "redis" ? startRedis(packages, dir) : startPostgres(packages, dir);
  }
}

function serverOf(servers: Servers, { server }: Contestant): Server {
  const found = servers.get(server);
  if (found === undefined) throw new Error(`${server} does not run`);
  return found;
}

function sampleOf(outcome: Outcome, cpuMs: number): Sample {
  const { readings, elapsedMs, p50Ms, p99Ms, clientCpuMs, bytesSent } = outcome;
  return {
    readingsPerS: (readings / elapsedMs) * 1000,
    p50Ms,
    p99Ms,
    cpuUs: (cpuMs * 1000) / readings,
    clientShare: clientCpuMs / elapsedMs,
    bytesPerReading: bytesSent / readings,
  };
}
