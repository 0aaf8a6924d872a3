// What waits at an edge whose origin is away? A fleet's readings of some days, posted in large batches.

import type { Post } from "../simulate/poster.ts";

/** One device of the backlog has this many streams and instants in a batch: 1,000 readings. */
const STREAMS = 4;
const INSTANTS = 250;
const PERIOD_MS = 10_000;
/** Readings of a batch. */
export const BATCH_READINGS: number = STREAMS * INSTANTS;

/** Where a backlog goes. */
export interface BacklogOptions {
  readonly devices: readonly { readonly id: string; readonly token: string; readonly url: URL }[];
  /** Readings in all; whole batches are posted. */
  readonly readings: number;
  readonly post: Post;
  readonly onProgress: (readings: number) => void;
}

/**
 * Posts a backlog; returns how many readings were accepted.
 *
 * @throws Error at an answer other than 200, 429 and 503.
 */
export async function postBacklog(options: BacklogOptions): Promise<number> {
  const { devices, readings } = options;
  const batches = Math.ceil(readings / BATCH_READINGS / devices.length);
  const t0 = Math.floor(Date.now() / PERIOD_MS) * PERIOD_MS - batches * INSTANTS * PERIOD_MS;
  let accepted = 0;
  const post = async (at: number): Promise<void> => {
    for (let seq = 1; seq <= batches; seq += 1) {
      const startMs = t0 + (seq - 1) * INSTANTS * PERIOD_MS;
      const taken = await postBatch(options, at, seq, startMs);
      accepted += taken;
      options.onProgress(accepted);
    }
  };
  await Promise.all(devices.map((_, at) => post(at)));
  return accepted;
}

async function postBatch(
  { devices, post }: BacklogOptions,
  at: number,
  seq: number,
  startMs: number,
): Promise<number> {
  const device = devices[at];
  if (device === undefined) return 0;
  const body = JSON.stringify({ boot: "b1", seq, ...columns(at, startMs) });
  for (;;) {
    const answer = await post.post(device.url, device.token, body);
    if (answer.status === 200) return (JSON.parse(answer.text) as { accepted: number }).accepted;
    if (![0, 429, 503].includes(answer.status))
      throw new Error(`${device.id} got ${answer.status}: ${answer.text.slice(0, 200)}`);
    await new Promise((resolve) => setTimeout(resolve, answer.retryAfterMs ?? 100));
  }
}

/** Slow waves with some noise, printed with a digit or two, on a clock with 40 ms of jitter. */
function columns(at: number, startMs: number): object {
  const t = Array.from(
    { length: INSTANTS },
    (_, i) => startMs + i * PERIOD_MS + jitter(at + i, 40),
  );
  const series = Object.fromEntries(
    Array.from({ length: STREAMS }, (_, stream) => [
      `s${stream}`,
      t.map((timeMs, i) => {
        const wave = Math.sin(timeMs / 3_600_000 + at + stream) * 100;
        return Math.round(wave + jitter(at * 31 + i * 7 + stream, 4)) / 10;
      }),
    ]),
  );
  return { t, series };
}

/** A number that looks random, 0 to `below` - 1. */
function jitter(at: number, below: number): number {
  return (Math.imul(at + 1, 0x9e3779b1) >>> 8) % below;
}
