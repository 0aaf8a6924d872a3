// InfluxDB 1.x as the bench runs it: every answer follows the fsync of its write-ahead log.

import path from "node:path";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import { claimPort, LOOPBACK } from "../../tools/launcher/ports.ts";
import { bytesOnDisk, whenStill } from "./disk.ts";
import type { Packages } from "./packages.ts";
import { startChild, stopChild, type Server } from "./server.ts";

const SETTLE_MS_MAX = 120_000;

/**
 * Starts InfluxDB.
 *
 * @param settles True where bytes on disk are wanted: it then compacts seconds after the last write,
 * not hours. Off where speed is measured.
 */
export async function startInflux(
  { root, libraryPath }: Packages,
  dir: string,
  settles: boolean,
): Promise<Server> {
  const port = await claimPort(0);
  const data = path.join(dir, "data");
  const wal = path.join(dir, "wal");
  const env = {
    LD_LIBRARY_PATH: libraryPath,
    INFLUXDB_REPORTING_DISABLED: "true",
    INFLUXDB_BIND_ADDRESS: `${LOOPBACK}:${await claimPort(0)}`,
    INFLUXDB_META_DIR: path.join(dir, "meta"),
    INFLUXDB_DATA_DIR: data,
    INFLUXDB_DATA_WAL_DIR: wal,
    INFLUXDB_DATA_WAL_FSYNC_DELAY: "0s",
    INFLUXDB_DATA_QUERY_LOG_ENABLED: "false",
    INFLUXDB_MONITOR_STORE_ENABLED: "false",
    INFLUXDB_HTTP_BIND_ADDRESS: `${LOOPBACK}:${port}`,
    INFLUXDB_HTTP_LOG_ENABLED: "false",
    ...(settles
      ? {
          INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION: "3s",
          INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION: "5s",
        }
      : {}),
  };
  const command = path.join(root, "usr/bin/influxd");
  const plan = { name: "InfluxDB", command, args: ["run"], dir, env };
  const child = await startChild(plan, port);
  // One shard for all times of the run, as its documentation advises for old data.
  const query = 'CREATE DATABASE "bench" WITH DURATION INF SHARD DURATION 5200w';
  const url = `http://${LOOPBACK}:${port}/query?${new URLSearchParams({ q: query }).toString()}`;
  const made = await fetch(url, { method: "POST" });
  if (!made.ok) throw new LaunchError(`InfluxDB made no database: status ${made.status}`);
  return {
    name: "InfluxDB",
    version: made.headers.get("x-influxdb-version") ?? "",
    port,
    pid: child.pid,
    rest: async () => undefined,
    settledBytes: () =>
      settles ? whenStill(SETTLE_MS_MAX, data, wal) : Promise.resolve(bytesOnDisk(data, wal)),
    stop: () => stopChild(child),
  };
}
