// How are the cells of bench:cache measured? In slices of well under a second, all systems of a cell one
// after the other, in an order of which another is the first each round. A ratio is of two slices of one
// round; what counts is the median of the ratios.

import { setTimeout as sleep } from "node:timers/promises";
import { cpuMsOf } from "../ingest/process-tree.ts";
import type { Progress } from "../ingest/progress.ts";
import { median } from "../ingest/statistics.ts";
import { gateOf, LABELS, PEERS, type Cell, type Gate, type Row, type ServerName } from "./cells.ts";
import type { Job, Outcome } from "./job.ts";
import type { Client, Upstream } from "./processes.ts";
import type { CacheServer } from "./servers.ts";

export type Servers = ReadonlyMap<ServerName, CacheServer>;

interface Slice extends Outcome {
  readonly cpuUs: number;
}

const CONNECTIONS = 16;

export class Measurement {
  readonly #client: Client;
  readonly #upstream: Upstream;
  readonly #servers: Servers;
  readonly #warmUpShare: number;

  /** @param warmUpShare What of the requests is sent that come before a cell is measured. */
  constructor(client: Client, upstream: Upstream, servers: Servers, warmUpShare: number) {
    this.#warmUpShare = warmUpShare;
    this.#client = client;
    this.#upstream = upstream;
    this.#servers = servers;
  }

  async #slice(cell: Cell, server: ServerName, requests: number): Promise<Slice> {
    const { port, pid } = this.#server(server);
    const { targets, fields = "", statuses = [200], pauseMs = 0 } = cell;
    await sleep(pauseMs);
    const before = cpuMsOf(pid);
    const job: Job = {
      port,
      connections: CONNECTIONS,
      requests,
      targets,
      fields,
      perS: 0,
      statuses,
    };
    const outcome = await this.#client.run(job);
    return { ...outcome, cpuUs: ((cpuMsOf(pid) - before) * 1_000) / outcome.answers };
  }

  #server(name: ServerName): CacheServer {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`${name} does not run`);
    return server;
  }

  async cell(cell: Cell, rounds: number, progress: Progress): Promise<Row[]> {
    const servers = cell.servers.filter((name) => this.#servers.has(name));
    const slices = new Map<ServerName, Slice[]>(servers.map((name) => [name, []]));
    const warmUp = Math.max(cell.requests, Math.ceil(cell.warmUp * this.#warmUpShare));
    for (const name of servers) {
      const requests = PEERS.has(name) ? cell.requests : warmUp;
      await this.#slice({ ...cell, pauseMs: 0 }, name, requests);
      progress.step(`${cell.name}: ${LABELS[name]} is warm`);
    }
    for (let round = 0; round < rounds; round += 1) {
      const at = round % servers.length;
      // Nobody is measured next to itself, or always behind the same one.
      const order = [...servers.slice(at), ...servers.slice(0, at)];
      for (const name of Math.floor(round / servers.length) % 2 === 0
        ? order
        : order.toReversed()) {
        slices.get(name)?.push(await this.#slice(cell, name, cell.requests));
      }
      progress.step(`${cell.name}: round ${round + 1}`);
    }
    const base = slices.get(cell.servers[0] ?? "skerry") ?? [];
    return servers.map((server): Row => {
      const mine = slices.get(server) ?? [];
      const of = (figure: (slice: Slice) => number): number => median(mine.map(figure));
      const ratio = (figure: (slice: Slice) => number): number =>
        median(mine.map((slice, at) => figure(slice) / figure(base[at] ?? slice)));
      const perS = (slice: Slice): number => (slice.answers / slice.elapsedMs) * 1_000;
      return {
        cell: cell.name,
        server,
        cpuUs: of(({ cpuUs }) => cpuUs),
        perS: of(perS),
        p50Ms: of(({ p50Ms }) => p50Ms),
        p99Ms: of(({ p99Ms }) => p99Ms),
        cpuRatio: ratio(({ cpuUs }) => cpuUs),
        rateRatio: ratio(perS),
      };
    });
  }

  /** A thousand cold requests at once: how often is the upstream asked? */
  async collapse(server: ServerName): Promise<number> {
    const { port } = this.#server(server);
    await this.#upstream.count({ mode: "answers", delayMs: 1_000 });
    const targets = [`/keep/1024/cold-${server}-${process.pid}`];
    const fields = "";
    await this.#client.run({
      port,
      connections: 1_000,
      requests: 1_000,
      targets,
      fields,
      perS: 0,
      statuses: [200],
    });
    return this.#upstream.count({ mode: "answers", delayMs: 0 });
  }

  /** With the upstream hanging up: how long do stale answers take beside fresh ones, and who asks? */
  async deadOrigin(
    server: ServerName,
    rounds: number,
  ): Promise<{
    readonly freshP99Ms: number;
    readonly staleP99Ms: number;
    readonly probes: number;
  }> {
    const { port } = this.#server(server);
    const run = (target: string, requests: number, perS = 0): Promise<Outcome> =>
      this.#client.run({
        port,
        connections: 8,
        requests,
        targets: [target],
        fields: "",
        perS,
        statuses: [200],
      });
    const brief = `/brief/1024/${process.pid}`;
    await run(brief, 10);
    await run("/keep/1024/page", 10);
    await this.#upstream.count({ mode: "hangs-up", delayMs: 0 });
    // It is stale after a second, and the server is away once it has failed for another.
    await sleep(1_100);
    await run(brief, 60, 20);
    await this.#upstream.count();
    const [fresh, stale]: [number[], number[]] = [[], []];
    const startedMs = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      fresh.push((await run("/keep/1024/page", 1_000)).p99Ms);
      stale.push((await run(brief, 1_000)).p99Ms);
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    const probes = (await this.#upstream.count({ mode: "answers", delayMs: 0 })) / seconds;
    return { freshP99Ms: median(fresh), staleP99Ms: median(stale), probes };
  }
}

export function gatesOfMoments(
  collapsed: ReadonlyMap<ServerName, number>,
  dead: { readonly freshP99Ms: number; readonly staleP99Ms: number; readonly probes: number },
): Gate[] {
  return [
    gateOf("requests upstream of 1,000 cold ones at once", collapsed.get("skerry") ?? NaN, 1),
    gateOf("dead upstream: p99 of stale beside fresh", dead.staleP99Ms / dead.freshP99Ms, 2),
    gateOf("dead upstream: probes a second", dead.probes, 1),
  ];
}
