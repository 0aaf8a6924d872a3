// Who looks at pages during the voyage? A reader in every region, several times a second; it notes
// what was served fresh, what stale, what failed, and how long the slowest took.

import { setTimeout as sleep } from "node:timers/promises";

const PATHS = ["/", "/how-it-works.html", "/style.css"];
const PAUSE_MS = 60;
const TIMEOUT_MS = 10_000;

/** Reads pages in turns until it is stopped. */
export class PageReader {
  served = 0;
  stale = 0;
  failed = 0;
  /** Of those served while the origin was cut off: how many, and how many of them stale. */
  servedWhileCut = 0;
  staleWhileCut = 0;
  slowestWhileCutMs = 0;
  isOriginCut = false;
  firstFailure = "";
  readonly #urls: readonly string[];
  readonly #ending = new AbortController();
  #loops: Promise<void>[] = [];

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** Reads every page once in every region, then goes on in the background. */
  async start(): Promise<void> {
    for (const url of this.#urls) {
      for (const path of PATHS) await this.#read(url + path);
    }
    this.#loops = this.#urls.map((url) => this.#loop(url));
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#loops);
  }

  async #loop(url: string): Promise<void> {
    for (let turn = 0; !this.#ending.signal.aborted; turn += 1) {
      await this.#read(url + (PATHS[turn % PATHS.length] ?? "/"));
      await sleep(PAUSE_MS);
    }
  }

  async #read(url: string): Promise<void> {
    const isCut = this.isOriginCut;
    const startedMs = performance.now();
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const body = await response.arrayBuffer();
      if (response.status !== 200 || body.byteLength === 0)
        throw new Error(`status ${response.status}`);
      const isStale = /; *ttl=-/.test(response.headers.get("cache-status") ?? "");
      this.served += 1;
      if (isStale) this.stale += 1;
      if (!isCut) return;
      this.servedWhileCut += 1;
      if (isStale) this.staleWhileCut += 1;
      this.slowestWhileCutMs = Math.max(this.slowestWhileCutMs, performance.now() - startedMs);
    } catch (error) {
      this.failed += 1;
      if (this.firstFailure === "")
        this.firstFailure = `${url}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}
