// Who is measured, and in which cells?

import type { DialectName } from "./dialect.ts";

export const SERVERS = ["skerry", "skerry-unruled", "influxdb", "postgresql", "redis"] as const;
export type ServerName = (typeof SERVERS)[number];

/** A way to send readings to a server. */
export interface Contestant {
  readonly id: DialectName;
  readonly label: string;
  readonly server: ServerName;
  /** False where another way leads to the same bytes on disk. */
  readonly isWeighed: boolean;
}

export const CONTESTANTS: readonly Contestant[] = [
  { id: "skerry-http", label: "Skerry, HTTP", server: "skerry", isWeighed: true },
  {
    id: "skerry-unruled",
    label: "Skerry, HTTP, no rule",
    server: "skerry-unruled",
    isWeighed: false,
  },
  { id: "skerry-stream", label: "Skerry, WebSocket", server: "skerry", isWeighed: false },
  { id: "skerry-binary", label: "Skerry, WebSocket, binary", server: "skerry", isWeighed: false },
  { id: "influx-wide", label: "InfluxDB, wide lines", server: "influxdb", isWeighed: true },
  { id: "influx-narrow", label: "InfluxDB, narrow lines", server: "influxdb", isWeighed: true },
  { id: "postgres-copy", label: "PostgreSQL, COPY", server: "postgresql", isWeighed: true },
  { id: "redis-streams", label: "Redis Streams", server: "redis", isWeighed: true },
];

/** Connections, each with one batch outstanding, and readings of a batch. */
export interface Cell {
  readonly name: string;
  readonly connections: number;
  readonly batch: number;
}

export const CELLS: readonly Cell[] = [
  { name: "1x1000", connections: 1, batch: 1000 },
  { name: "16x1", connections: 16, batch: 1 },
  { name: "16x100", connections: 16, batch: 100 },
  { name: "16x1000", connections: 16, batch: 1000 },
];

/** One of each cell and contestant, begun elsewhere at every round so that none is always first. */
export function orderOf(
  contestants: readonly Contestant[],
  round: number,
): { readonly cell: Cell; readonly contestant: Contestant }[] {
  return rotated(CELLS, round).flatMap((cell) =>
    rotated(contestants, round).map((contestant) => ({ cell, contestant })),
  );
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
