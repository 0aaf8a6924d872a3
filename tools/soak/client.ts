// How does a soak ask, and what does it make of the answer? Every byte of a body is compared with what
// it must be; a version that a write or a purge has ended must not come back.

import http from "node:http";
import { contentOf } from "./content.ts";

/** What one request came to. `wrong`: bytes that are not those of what was asked for. */
export type Outcome =
  | { readonly kind: "right"; readonly isHit: boolean; readonly version: number }
  | { readonly kind: "left" }
  | { readonly kind: "refused"; readonly status: number }
  | { readonly kind: "cut" }
  | { readonly kind: "wrong"; readonly detail: string };

/** What is asked for. */
export interface Asking {
  readonly host: string;
  readonly target: string;
  readonly method?: "GET" | "HEAD" | "POST";
  readonly fields?: Readonly<Record<string, string>>;
  readonly variant?: string;
  /** Leave once so many bytes are there. */
  readonly leaveAfter?: number;
}

const TIMEOUT_MS = 20_000;

/** Sends the requests of a soak to one edge. */
export class SoakClient {
  readonly #port: number;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 96 });

  constructor(port: number) {
    this.#port = port;
  }

  /** Asks, and checks what comes; never rejects. */
  ask(asking: Asking): Promise<Outcome> {
    const { host, target, method = "GET", fields = {}, leaveAfter } = asking;
    return new Promise((resolve) => {
      const options = {
        host: "127.0.0.1",
        port: this.#port,
        path: target,
        method,
        agent: this.#agent,
        headers: { host, "accept-encoding": "identity", ...fields },
        timeout: TIMEOUT_MS,
      };
      const request = http.request(options, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (leaveAfter === undefined || bytes < leaveAfter) return;
          resolve({ kind: "left" });
          request.destroy();
        });
        response.on("error", () => resolve({ kind: "cut" }));
        response.on("end", () => resolve(judge(asking, response, Buffer.concat(chunks))));
      });
      request.on("timeout", () => request.destroy());
      request.on("error", () => resolve({ kind: "cut" }));
      request.end(method === "POST" ? "change" : undefined);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function judge(asking: Asking, response: http.IncomingMessage, body: Buffer): Outcome {
  const { statusCode: status = 0, headers } = response;
  if (!response.complete) return { kind: "cut" };
  if (![200, 206, 304].includes(status)) return { kind: "refused", status };
  const version = Number(headers["x-version"] ?? "1");
  const isHit = / hit/.test(String(headers["cache-status"]));
  const expected = expectedOf(asking, status, headers, version);
  if (expected === null || body.equals(expected)) return { kind: "right", isHit, version };
  const detail = `${asking.target} ${status}, version ${version}: ${body.length} bytes that are not its ${expected.length}`;
  return { kind: "wrong", detail };
}

/** The bytes that an answer has to have; null: any. */
function expectedOf(
  { host, target, method = "GET", variant = "" }: Asking,
  status: number,
  headers: http.IncomingHttpHeaders,
  version: number,
): Buffer | null {
  if (method === "POST") return null;
  if (method === "HEAD" || status === 304) return Buffer.alloc(0);
  const whole = contentOf(host, target, version, variant);
  if (status !== 206) return whole;
  const [, from, to, all] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers["content-range"] ?? "") ?? [];
  if (Number(all) !== whole.length) return Buffer.from("a part of something else");
  return whole.subarray(Number(from), Number(to) + 1);
}
