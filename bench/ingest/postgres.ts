// PostgreSQL as the bench runs it: a row a reading by COPY, and every answer follows the fsync of its
// write-ahead log (synchronous_commit on). It refuses to run as root, so root starts it as nobody.

import { execFile } from "node:child_process";
import { chownSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { LaunchError, oneLine } from "../../tools/launcher/launch-error.ts";
import { claimPort, LOOPBACK } from "../../tools/launcher/ports.ts";
import { bytesOnDisk } from "./disk.ts";
import type { Packages } from "./packages.ts";
import { askPostgres } from "./postgres-wire.ts";
import { startChild, stopChild, type Server } from "./server.ts";

const run = promisify(execFile);
const READY_MS_MAX = 10_000;
const POLL_MS = 50;

/** Starts PostgreSQL with one empty table, without an index. */
export async function startPostgres({ root, libraryPath }: Packages, dir: string): Promise<Server> {
  const port = await claimPort(0);
  const bin = path.join(root, "usr/lib/postgresql/15/bin");
  const data = path.join(dir, "data");
  const user = process.getuid?.() === 0 ? nobody() : null;
  const env = { LD_LIBRARY_PATH: libraryPath, LC_ALL: "C" };
  mkdirSync(data, { recursive: true });
  if (user !== null) chownSync(data, user.uid, user.gid);
  try {
    const args = ["-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"];
    await run(path.join(bin, "initdb"), args, {
      cwd: data,
      env: { ...process.env, ...env },
      ...user,
    });
  } catch (error) {
    throw new LaunchError(`PostgreSQL made no database: ${oneLine(error)}`, { cause: error });
  }
  const settings = {
    port: String(port),
    listen_addresses: LOOPBACK,
    unix_socket_directories: "",
    fsync: "on",
    synchronous_commit: "on",
    // What its documentation advises for loading: fewer checkpoints, none within a measurement.
    max_wal_size: "4GB",
    shared_buffers: "256MB",
    autovacuum: "off",
    jit: "off",
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const command = path.join(bin, "postgres");
  const plan = { name: "PostgreSQL", command, args: ["-D", data, ...set], dir: data, env, ...user };
  const child = await startChild(plan, port);
  const table = "device text, stream text, t bigint, v double precision";
  const version = await askWhenReady(port, "SHOW server_version");
  await askPostgres(port, `CREATE TABLE readings (${table})`);
  return {
    name: "PostgreSQL",
    version,
    port,
    pid: child.pid,
    rest: async () => {
      await askPostgres(port, "TRUNCATE readings");
    },
    // The table's files: the log before it is recycled, not kept.
    settledBytes: async () => {
      await askPostgres(port, "CHECKPOINT");
      return bytesOnDisk(path.join(data, "base"));
    },
    stop: async () => {
      // SIGINT is its fast shutdown: SIGTERM would wait for its clients to go.
      child.signal("SIGINT");
      await stopChild(child);
    },
  };
}

/** It listens some moments before it takes statements. */
async function askWhenReady(port: number, sql: string): Promise<string> {
  const startedMs = performance.now();
  for (;;) {
    try {
      return await askPostgres(port, sql);
    } catch (error) {
      if (performance.now() - startedMs > READY_MS_MAX) throw error;
      await sleep(POLL_MS);
    }
  }
}

function nobody(): { readonly uid: number; readonly gid: number } {
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (line === null) throw new LaunchError("PostgreSQL refuses root, and there is no user nobody");
  return { uid: Number(line[1]), gid: Number(line[2]) };
}
