// The process of an origin: Miniflare, which brings R2, around the origin's bundle. A process of
// its own, so that it can be killed like a machine; it ends by itself when its launcher is gone.

import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import type { OriginOrder, OriginReport } from "./origin-process.ts";

let server: Miniflare | null = null;

process.once("message", (order: OriginOrder) => {
  void serve(order).catch((error: unknown) => report({ kind: "failed", why: String(error) }));
});
process.once("disconnect", () => void end());
process.once("SIGTERM", () => void end());
// Ctrl-C reaches the whole process group; the launcher decides when the origin ends.
process.on("SIGINT", () => undefined);

async function serve(order: OriginOrder): Promise<void> {
  server = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.WARN),
      host: order.host,
      port: 0,
      cf: false,
      logRequests: false,
      telemetry: { enabled: false },
      resourcePersistencePath: order.persistTo,
      name: "skerry-origin",
      // The text of the bundle instead of its path, which would have to lie under the working folder.
      modules: [
        { type: "ESModule", path: "origin.js", contents: readFileSync(order.bundle, "utf8") },
      ],
      compatibilityDate: order.compatibilityDate,
      bindings: { ...order.bindings },
      durableObjects: Object.fromEntries(
        order.objects.map(({ name, className }) => [name, { className, useSQLite: true }]),
      ),
      r2Buckets: { CONTENT: "skerry-content" },
      // Miniflare's own entry rewrites Accept-Encoding and bodies, as Cloudflare's front does; this
      // socket leads to the Worker itself.
      unsafeDirectSockets: [{ host: order.host, port: order.port }],
    }),
  );
  await server.ready;
  report({ kind: "ready" });
}

async function end(): Promise<void> {
  await server?.dispose();
  process.exit(0);
}

function report(said: OriginReport): void {
  process.send?.(said);
}
