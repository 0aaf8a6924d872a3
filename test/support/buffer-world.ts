// How do tests fill the small buffer of a region whose origin is away? One region and an origin on
// bare workerd, batches of values that do not compress, and the counts of both ends.

import assert from "node:assert/strict";
import { cpSync, globSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { openWorld, type World, type WorldRegion } from "../../tools/launcher/world.ts";

type Json = Record<string, unknown>;

/** An answer of a door. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Json;
}

/** Readings of one post. */
export const BATCH = 200;

/** One region with a buffer of its own, and its origin. */
export class BufferWorld implements AsyncDisposable {
  readonly world: World;
  readonly region: WorldRegion;
  readonly #stateDir: string;
  readonly #read: string;
  readonly #tokens = new Map<string, string>();
  #posts = 0;
  /** The values that were posted, and the last event time. */
  readonly values: number[] = [];
  lastMs = 0;

  private constructor(world: World, region: WorldRegion, stateDir: string, read: string) {
    this.world = world;
    this.region = region;
    this.#stateDir = stateDir;
    this.#read = read;
  }

  static async open(buffer: Json): Promise<BufferWorld> {
    const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-buffer-"));
    const world = await openWorld({
      stateDir,
      basePort: 0,
      regions: DEFAULT_REGIONS.slice(0, 1),
      vars: { BUFFER: JSON.stringify(buffer) },
    });
    const [region] = world.regions;
    assert.ok(region !== undefined);
    const read = await world.operatorToken("read", "admin");
    return new BufferWorld(world, region, stateDir, read);
  }

  /** Posts a batch that is not sent before; values have all their bits. */
  async post(device: string, boot = "b1"): Promise<Answer> {
    this.#posts += 1;
    const token = this.#tokens.get(device) ?? (await this.world.deviceToken(device));
    this.#tokens.set(device, token);
    const t0 = Date.now() - 3_000_000 + this.#posts * BATCH;
    this.lastMs = t0 + BATCH - 1;
    const noise = Array.from({ length: BATCH }, () => Math.random());
    this.values.push(...noise);
    const body = { boot, seq: this.#posts, t0, step: 1, series: { noise } };
    return this.send(`/v1/devices/${device}/readings`, token, body);
  }

  async send(door: string, token: string, body: unknown): Promise<Answer> {
    const response = await fetch(`${this.region.url}${door}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      json: text === "" ? {} : (JSON.parse(text) as Json),
    };
  }

  /** Copies what the region has on disk, while its process is down. */
  async copyDisk(): Promise<void> {
    await this.region.edge.stop();
    const { id } = this.region;
    cpSync(path.join(this.#stateDir, id), path.join(this.#stateDir, "copy"), { recursive: true });
    await this.region.edge.resume();
  }

  /** Kills the process, and puts the copy in the place of what it had. */
  async restoreDisk(): Promise<void> {
    await this.region.edge.kill();
    const home = path.join(this.#stateDir, this.region.id);
    rmSync(home, { recursive: true, force: true });
    cpSync(path.join(this.#stateDir, "copy"), home, { recursive: true });
    await this.region.edge.resume();
  }

  /** Changes the hub's database while its process is down. */
  async damage(statement: string): Promise<void> {
    await this.region.edge.stop();
    let changed = 0;
    for (const file of globSync("**/*.sqlite", { cwd: this.#stateDir })) {
      const database = new DatabaseSync(path.join(this.#stateDir, file));
      const isHub = database.prepare("select 1 from sqlite_master where name = 'journal'").get();
      if (isHub !== undefined) changed += Number(database.prepare(statement).run().changes);
      database.close();
    }
    assert.ok(changed > 0, "There is something to damage");
    await this.region.edge.resume();
  }

  async edge(where: string): Promise<Json> {
    return this.#get(`${this.region.url}${where}`);
  }

  /** The fields of what a region answers as CSV. */
  async csvFields(where: string): Promise<Headers> {
    const headers = { authorization: `Bearer ${this.#read}`, accept: "text/csv" };
    const response = await fetch(`${this.region.url}${where}`, { method: "HEAD", headers });
    return response.headers;
  }

  async origin(where: string): Promise<Json> {
    return this.#get(`${this.world.origin.url}${where}`);
  }

  /** What the hub says of its buffer. */
  async buffer(): Promise<Json> {
    const { links } = (await this.edge("/readyz")) as { links: { buffer: Json }[] };
    return links[0]?.buffer ?? {};
  }

  /** Waits until the hub has nothing left for the origin. */
  async drained(): Promise<void> {
    for (let tries = 0; tries < 300; tries += 1) {
      const { links } = (await this.edge("/readyz")) as {
        links: {
          unackedBytes: number;
          buffer: { rollups: { bytes: number }; events: { untold: number } };
        }[];
      };
      const waits = links.map(
        ({ unackedBytes, buffer: { rollups, events } }) =>
          unackedBytes + rollups.bytes + events.untold,
      );
      if (waits.every((bytes) => bytes === 0)) return;
      await sleep(100);
    }
    assert.fail("The buffer does not drain");
  }

  /** How many of a device's readings the origin counts. */
  async counted(device: string): Promise<number> {
    const { readings } = (await this.origin(`/v1/devices/${device}`)) as { readings?: number };
    return readings ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world.close();
    rmSync(this.#stateDir, { recursive: true, force: true });
  }

  async #get(url: string): Promise<Json> {
    const response = await fetch(url, { headers: { authorization: `Bearer ${this.#read}` } });
    return (await response.json()) as Json;
  }
}
