// What stands behind the edge in a soak? Two servers: one whose content has versions, and one that
// fails now and then, in each of the ways that a server fails.

import http from "node:http";
import type { AddressInfo } from "node:net";
import { LOOPBACK } from "../launcher/ports.ts";
import { contentOf } from "./content.ts";

/** The two sites, as their hosts and their content name them. */
export const SOAK = "soak.test";
export const FLAKY = "flaky.test";

const FRESH = { "cache-control": "max-age=3600" };
/** Of a hundred answers of the server that fails, how many are each of these. */
const FAILURES = { cut: 4, closed: 3, error: 5, slow: 2 };
const SLOW_MS = 400;
const COLLAPSED_MS = 40;

/** The servers of a soak, and what they were asked. */
export class SoakUpstream {
  readonly url: string;
  readonly flakyUrl: string;
  requests = 0;
  failures = 0;
  readonly #servers: readonly http.Server[];
  readonly #versions = new Map<string, number>();
  readonly #below: (count: number) => number;

  private constructor(servers: readonly http.Server[], below: (count: number) => number) {
    this.#servers = servers;
    this.#below = below;
    const [url, flakyUrl] = servers.map((server) => {
      const { port } = server.address() as AddressInfo;
      return `http://${LOOPBACK}:${port}`;
    });
    this.url = url ?? "";
    this.flakyUrl = flakyUrl ?? "";
  }

  static async open(below: (count: number) => number): Promise<SoakUpstream> {
    let upstream: SoakUpstream | null = null;
    const servers = [
      http.createServer((request, response) => upstream?.answer(SOAK, request, response)),
      http.createServer((request, response) => upstream?.answerOrFail(request, response)),
    ];
    for (const server of servers)
      await new Promise<void>((resolve) => server.listen(0, LOOPBACK, 1_024, resolve));
    upstream = new SoakUpstream(servers, below);
    return upstream;
  }

  /** Has a target be another one from now on; tells which version it then is. */
  change(target: string): number {
    const version = this.#versionOf(target) + 1;
    this.#versions.set(target, version);
    return version;
  }

  answer(site: string, request: http.IncomingMessage, response: http.ServerResponse): void {
    this.requests += 1;
    const { method = "GET", url: target = "/" } = request;
    request.resume();
    response.on("error", () => undefined);
    if (method === "POST") {
      response.writeHead(200, { "x-version": this.change(target) }).end("written");
      return;
    }
    const isLate = target.startsWith("/burst");
    setTimeout(() => this.#give(site, request, response), isLate ? COLLAPSED_MS : 0);
  }

  answerOrFail(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { cut, closed, error, slow } = FAILURES;
    const drawn = this.#below(100);
    if (drawn >= cut + closed + error + slow) return this.answer(FLAKY, request, response);
    this.requests += 1;
    this.failures += 1;
    response.on("error", () => undefined);
    if (drawn < cut) {
      response.writeHead(200, { ...FRESH, "content-length": 1_000_000 }).write("begun");
      setTimeout(() => response.destroy(), 5);
    } else if (drawn < cut + closed) request.socket.destroy();
    else if (drawn < cut + closed + error) response.writeHead(503).end("not now");
    else setTimeout(() => this.#give(FLAKY, request, response), SLOW_MS);
  }

  close(): void {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  #versionOf(target: string): number {
    return this.#versions.get(target) ?? 1;
  }

  #give(site: string, request: http.IncomingMessage, response: http.ServerResponse): void {
    const { method = "GET", url: target = "/", headers } = request;
    const version = this.#versionOf(target);
    const variant = target.startsWith("/vary") ? (headers["accept-language"] ?? "") : "";
    const body = contentOf(site, target, version, variant);
    const etag = `"${version}.${variant}"`;
    const fields = { "x-version": version, etag, ...fieldsOf(target) };
    if (headers["if-none-match"]?.includes(etag) === true) {
      response.writeHead(304, fields).end();
      return;
    }
    response.writeHead(200, { ...fields, "content-length": body.length });
    response.end(method === "HEAD" ? undefined : body);
  }
}

function fieldsOf(target: string): Readonly<Record<string, string>> {
  if (target.startsWith("/private")) return { "cache-control": "private, no-store" };
  if (target.startsWith("/vary")) return { ...FRESH, vary: "accept-language" };
  if (target.startsWith("/brief"))
    return { "cache-control": "max-age=1, stale-while-revalidate=2, stale-if-error=60" };
  return { ...FRESH, "cache-tag": `tag-${target.length % 7}` };
}
