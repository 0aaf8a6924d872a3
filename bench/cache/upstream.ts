// The upstream of bench:cache, a process of its own. `/keep/BYTES/...` may be kept for an hour,
// `/brief/BYTES/...` for a second and served stale for an hour after, `/no/BYTES/...` not at all.

import { createServer } from "node:http";
import { LOOPBACK } from "../../tools/launcher/ports.ts";
import type { UpstreamMode, UpstreamSaid } from "./job.ts";

const POLICIES: Readonly<Record<string, string>> = {
  keep: "max-age=3600",
  brief: "max-age=1, stale-if-error=3600",
  no: "no-store",
};

let how: UpstreamMode = { mode: "answers", delayMs: 0 };
let requests = 0;
const bodies = new Map<number, Buffer>();

const server = createServer((request, response) => {
  requests += 1;
  if (how.mode === "hangs-up") {
    request.socket.destroy();
    return;
  }
  const [, policy = "", size = "0"] = (request.url ?? "").split("/");
  const bytes = Number(size);
  const body = bodies.get(bytes) ?? Buffer.alloc(bytes, "a page of some words. ");
  bodies.set(bytes, body);
  const answer = (): void => {
    response.writeHead(200, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Length": bytes,
      "Cache-Control": POLICIES[policy] ?? "no-store",
      ETag: `"${bytes}-1"`,
      "Last-Modified": "Mon, 16 Nov 2026 10:00:00 GMT",
      "Content-Language": "en",
      "X-Content-Type-Options": "nosniff",
    });
    response.end(body);
  };
  if (how.delayMs === 0) answer();
  else setTimeout(answer, how.delayMs);
});
server.keepAliveTimeout = 60_000;

const say = (said: UpstreamSaid): void => void process.send?.(said);
process.on("message", (told: UpstreamMode | "count") => {
  if (told !== "count") how = told;
  say({ said: "counted", requests });
  requests = 0;
});
process.on("disconnect", () => process.exit(0));
server.listen(0, LOOPBACK, () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  say({ said: "listening", port });
});
