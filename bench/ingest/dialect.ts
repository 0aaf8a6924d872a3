// How is each system spoken to? A dialect opens a connection, writes batches ahead of time, and knows
// when the answer of one is complete. The loop around it (client.ts) is the same for all.

import type { Device } from "./readings.ts";
import { skerryHttp } from "./dialects/skerry-http.ts";
import { skerryBinary, skerryStream } from "./dialects/skerry-stream.ts";
import { influxNarrow, influxWide } from "./dialects/influx-lines.ts";
import { postgresCopy } from "./dialects/postgres-copy.ts";
import { redisStreams } from "./dialects/redis-streams.ts";

/** What became of an answer: not all there, good, or in words what was wrong. */
export type Verdict = "more" | "good" | { readonly wrong: string };

export interface Dialect {
  /** What is sent first on a connection; its answer has to be good too. */
  readonly hello: Hello | null;
  /** Writes the `seq`-th batch of a device, with `count` readings. */
  readonly batch: (device: Device, token: string, seq: number, count: number) => Buffer;
  /** Judges what has come in since the batch was sent. */
  readonly judge: (answer: Buffer, count: number) => Verdict;
}

interface Hello {
  readonly bytes: (device: Device, token: string) => Buffer;
  readonly judge: (answer: Buffer) => Verdict;
}

export const DIALECTS = {
  "skerry-http": skerryHttp,
  "skerry-unruled": skerryHttp,
  "skerry-stream": skerryStream,
  "skerry-binary": skerryBinary,
  "influx-wide": influxWide,
  "influx-narrow": influxNarrow,
  "postgres-copy": postgresCopy,
  "redis-streams": redisStreams,
} as const satisfies Record<string, Dialect>;

export type DialectName = keyof typeof DIALECTS;
