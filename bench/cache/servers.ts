// Which systems answer in bench:cache, and how is each set up? All on loopback, one worker process or
// thread each, in front of the same upstream, none writing a log but Skerry; every Worker with V8's bounds
// as Skerry has them.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import type { Keys } from "../../tools/launcher/keys.ts";
import { claimPort, LOOPBACK } from "../../tools/launcher/ports.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import { V8_FLAGS, workerdPath } from "../../tools/launcher/workerd.ts";
import { readWranglerConfig, REPOSITORY } from "../../tools/launcher/wrangler-config.ts";
import type { Packages } from "../ingest/packages.ts";
import { startChild, stopChild } from "../ingest/server.ts";

/** A running system. */
export interface CacheServer {
  readonly port: number;
  /** The process whose tree is measured. */
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** What every system is given. */
export interface Setting {
  readonly folder: string;
  readonly upstreamPort: number;
}

const NO_ORIGIN = "http://127.0.0.1:9";

/** Bundles one Worker of bench/cache/workers. */
export async function bundleWorker(name: string, folder: string): Promise<string> {
  const outfile = path.join(folder, `${name}.js`);
  await build({
    absWorkingDir: REPOSITORY,
    entryPoints: [`bench/cache/workers/${name}.ts`],
    outfile,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:zlib"],
    logLevel: "silent",
  });
  return outfile;
}

/**
 * Starts Skerry with the upstream as its one site; `bundle` may be another Worker around it.
 *
 * @param vars More of the Worker's variables.
 */
export async function startSkerry(
  { folder, upstreamPort }: Setting,
  bundle: string,
  keys: Keys,
  vars: Readonly<Record<string, string>> = {},
): Promise<CacheServer> {
  const [region] = DEFAULT_REGIONS;
  if (region === undefined) throw new LaunchError("There is no region to run");
  const upstream = { url: `http://${LOOPBACK}:${upstreamPort}`, profile: "safe" };
  const edge = await EdgeProcess.start({
    stateDir: path.join(folder, path.basename(bundle, ".js"), ...Object.keys(vars)),
    bundle,
    region,
    regions: [region],
    originUrl: NO_ORIGIN,
    keys,
    port: 0,
    sites: { "*": "bench" },
    vars: { UPSTREAMS: JSON.stringify({ bench: upstream }), ...vars },
  });
  return { port: edge.port, pid: edge.pid, stop: () => edge.stop() };
}

const quote = (text: string): string => JSON.stringify(text);

/**
 * Starts a Worker of bench/cache/workers on bare workerd.
 *
 * @param cacheBundle What answers its Cache API; null: there is none.
 */
export async function startWorker(
  folder: string,
  name: string,
  bundle: string,
  text: Readonly<Record<string, string>>,
  cacheBundle: string | null = null,
): Promise<CacheServer> {
  const dir = path.join(folder, name);
  mkdirSync(dir, { recursive: true });
  const port = await claimPort(0);
  const { compatibilityDate } = readWranglerConfig("edge");
  const worker = (file: string, more: string): string =>
    `(modules = [(name = "worker.js", esModule = embed ${quote(path.relative(dir, file))})], compatibilityDate = ${quote(compatibilityDate)}${more})`;
  const bindings = Object.entries(text).map(
    ([key, value]) => `(name = ${quote(key)}, text = ${quote(value)})`,
  );
  const cache = cacheBundle === null ? "" : `, cacheApiOutbound = "cache"`;
  const main = worker(
    bundle,
    `, bindings = [${bindings.join(", ")}], globalOutbound = "net"${cache}`,
  );
  const config = path.join(dir, "config.capnp");
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),${cacheBundle === null ? "" : '\n    (name = "cache", worker = .cache),'}
    (name = "net", network = (allow = ["public", "local"])),
  ],
  sockets = [(name = "http", address = ${quote(`${LOOPBACK}:${port}`)}, http = (), service = "main")],
  v8Flags = [${V8_FLAGS.map(quote).join(", ")}],
);
const main :Workerd.Worker = ${main};
${cacheBundle === null ? "" : `const cache :Workerd.Worker = ${worker(cacheBundle, "")};\n`}`,
  );
  const plan = { name, command: workerdPath(), args: ["serve", config], dir, env: {} };
  const child = await startChild(plan, port);
  return { port, pid: child.pid, stop: () => stopChild(child) };
}

/** Starts nginx as a cache: on disk in the page cache, with open files kept, sendfile and keep-alive. */
export async function startNginx(
  { root, libraryPath }: Packages,
  { folder, upstreamPort }: Setting,
): Promise<CacheServer> {
  const dir = path.join(folder, "nginx");
  mkdirSync(path.join(dir, "cache"), { recursive: true });
  const port = await claimPort(0);
  const config = path.join(dir, "nginx.conf");
  writeFileSync(
    config,
    `daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  sendfile on;
  keepalive_requests 1000000;
  open_file_cache max=10000;
  open_file_cache_min_uses 1;
  proxy_cache_path ${dir}/cache levels=1:2 keys_zone=bench:64m max_size=1g use_temp_path=off;
  upstream behind { server ${LOOPBACK}:${upstreamPort}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen ${LOOPBACK}:${port} backlog=4096;
    location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache bench;
      proxy_cache_lock on;
      proxy_cache_use_stale error timeout updating;
      proxy_cache_background_update on;
    }
  }
}
`,
  );
  const env = { LD_LIBRARY_PATH: libraryPath };
  const command = path.join(root, "usr/sbin/nginx");
  const args = ["-c", config, "-p", dir, "-e", path.join(dir, "error.log")];
  const child = await startChild({ name: "nginx", command, args, dir, env }, port);
  return { port, pid: child.pid, stop: () => stopChild(child) };
}

/** Starts Varnish with its store in memory and its own defaults, in one pool of threads. */
export async function startVarnish(
  { root, libraryPath }: Packages,
  { folder, upstreamPort }: Setting,
): Promise<CacheServer> {
  const dir = path.join(folder, "varnish");
  mkdirSync(dir, { recursive: true });
  const port = await claimPort(0);
  const config = path.join(dir, "bench.vcl");
  writeFileSync(
    config,
    `vcl 4.1;
backend behind { .host = "${LOOPBACK}"; .port = "${upstreamPort}"; }
sub vcl_backend_response { set beresp.grace = 1h; }
`,
  );
  const library = path.join(root, "usr/lib/varnish");
  const env = { LD_LIBRARY_PATH: `${library}:${libraryPath}` };
  const args = [
    "-F",
    "-f",
    config,
    "-a",
    `${LOOPBACK}:${port}`,
    "-n",
    path.join(dir, "state"),
    "-s",
    "malloc,256m",
    "-j",
    "none",
    "-p",
    "thread_pools=1",
    "-p",
    "thread_pool_min=20",
    "-p",
    "workspace_client=128k",
  ];
  const command = path.join(root, "usr/sbin/varnishd");
  const child = await startChild({ name: "Varnish", command, args, dir, env }, port);
  return { port, pid: child.pid, stop: () => stopChild(child) };
}
