// What can be said on the device's command line, and is it sound?

import { parseArgs } from "node:util";
import type { WhenFull } from "./skerry-device/batch-log.ts";

/** What the device was told. */
export interface CommandLine {
  readonly device: string;
  readonly edges: readonly string[];
  readonly tokenFile: string | null;
  readonly keyFile: string | null;
  readonly folder: string;
  readonly periodMs: number;
  readonly samples: number;
  readonly batchReadings: number;
  readonly batchAgeMs: number;
  readonly bufferBytesMax: number;
  readonly whenFull: WhenFull;
  readonly requestTimeoutMs: number;
  readonly retryMsMax: number;
  readonly graceMs: number;
  readonly isStream: boolean;
  readonly isJson: boolean;
}

export const HELP = `Usage: node main.ts --device NAME --edge URL [--edge URL ...] [options]

Measures this machine's load and memory and a made-up depth, and sends them to Skerry. Readings
are kept on disk until an edge has them, however often this program or the edge is killed.

The device's token is read from the file of --token-file, or from the variable SKERRY_TOKEN. With
--key-file there is no token: each request is signed with the key that the origin has answered.

  --device NAME         the device, as it is registered
  --edge URL            an edge; more than one: in the order of preference
  --token-file FILE     the token's file, read anew for each request
  --key-file FILE       the key's file, read anew for each request
  --buffer FOLDER       where batches wait, of this device alone  (.state/device-NAME)
  --period MS           time between two measurements             (1000)
  --samples N           measure N times, send all and end         (0: until a signal)
  --batch N             readings of a batch                       (300)
  --age MS              a batch is closed when it is this old     (10000)
  --buffer-bytes N      bytes of the batches that may wait        (16777216)
  --when-full POLICY    refuse: new batches are refused; drop-oldest: the oldest are dropped
                        for them. Both are counted                (refuse)
  --timeout MS          an answer that takes longer is not one    (10000)
  --retry-max MS        the longest wait between two tries        (60000)
  --grace MS            time to send what waits when it ends      (5000)
  --stream              send over a WebSocket that stays open; not with --key-file
  --json                print events as JSON, one a line
  --help                print this

SIGTERM or Ctrl-C ends it: what was measured is kept, and sent if that is possible in time.
Exit codes: 0 ended as told, 1 it could not go on, 2 the command line is wrong.`;

/** A command line that cannot be followed; the message is for the person who wrote it. */
export class UsageError extends Error {}

const NUMBERS = {
  period: { preset: 1_000, min: 1, max: 86_400_000 },
  samples: { preset: 0, min: 0, max: Number.MAX_SAFE_INTEGER },
  batch: { preset: 300, min: 1, max: 10_000 },
  age: { preset: 10_000, min: 1, max: 86_400_000 },
  "buffer-bytes": { preset: 16_777_216, min: 1_024, max: 1_073_741_824 },
  timeout: { preset: 10_000, min: 1, max: 600_000 },
  "retry-max": { preset: 60_000, min: 1, max: 86_400_000 },
  grace: { preset: 5_000, min: 0, max: 600_000 },
} as const;

const TEXTS = ["device", "token-file", "key-file", "buffer", "when-full"] as const;

type TextOption = (typeof TEXTS)[number];

/** Reads the command line; null if it asks for help. */
export function parseCommandLine(args: readonly string[]): CommandLine | null {
  const values = read(args);
  if (values["help"] === true) return null;
  const said = (name: TextOption | keyof typeof NUMBERS) =>
    typeof values[name] === "string" ? values[name] : null;
  const number = (name: keyof typeof NUMBERS) => parseNumber(name, said(name));
  const device = said("device") ?? "";
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(device)) {
    throw new UsageError("Say which device this is: --device NAME, of A-Z a-z 0-9 . _ -");
  }
  const whenFull = said("when-full") ?? "refuse";
  if (whenFull !== "refuse" && whenFull !== "drop-oldest") {
    throw new UsageError(`--when-full ${whenFull} is neither refuse nor drop-oldest`);
  }
  return {
    device,
    edges: parseEdges(values["edge"]),
    tokenFile: said("token-file"),
    keyFile: said("key-file"),
    folder: said("buffer") ?? `.state/device-${device}`,
    periodMs: number("period"),
    samples: number("samples"),
    batchReadings: number("batch"),
    batchAgeMs: number("age"),
    bufferBytesMax: number("buffer-bytes"),
    whenFull,
    requestTimeoutMs: number("timeout"),
    retryMsMax: number("retry-max"),
    graceMs: number("grace"),
    isStream: values["stream"] === true,
    isJson: values["json"] === true,
  };
}

function read(args: readonly string[]): Readonly<Record<string, unknown>> {
  const texts = [...TEXTS, ...Object.keys(NUMBERS)].map((name) => [name, { type: "string" }]);
  const flags = ["json", "stream", "help"].map((name) => [name, { type: "boolean" }]);
  const options = Object.fromEntries([...texts, ...flags]) as Record<string, { type: "string" }>;
  try {
    return parseArgs({
      args: [...args],
      options: { ...options, edge: { type: "string", multiple: true } },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseNumber(name: keyof typeof NUMBERS, text: string | null): number {
  const { preset, min, max } = NUMBERS[name];
  if (text === null) return preset;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} ${text} does not do: use a whole number from ${min} to ${max}`);
}

function parseEdges(edges: unknown): readonly string[] {
  const urls = Array.isArray(edges) ? (edges as readonly string[]) : [];
  if (urls.length === 0) throw new UsageError("Say where to send: --edge URL");
  const bad = urls.find((url) => !/^https?:$/.test(URL.parse(url)?.protocol ?? ""));
  if (bad === undefined) return urls;
  throw new UsageError(`--edge ${bad} is not a URL: use http://HOST:PORT or https://HOST`);
}
