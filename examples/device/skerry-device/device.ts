// How does a device send its readings so that each is counted once? It collects them into batches,
// keeps each on disk before anything else, and sends the oldest until an edge has it on disk too,
// always under the same name (boot, seq), to whichever of its edges answers.
//
//   record() ─▶ open batch ─(full, or old enough)─▶ log on disk ─▶ edge ─(answer says durable)─▶ gone
//                                                     └── refused, counted, if there is no room

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { decide, type Answer, type Decision } from "./answer.ts";
import { IngestStream, NotOpened } from "./stream.ts";
import { halve, nameOf, readingsOf, toColumns, type Batch, type Row, type Value } from "./batch.ts";
import { BatchLog, type WhenFull } from "./batch-log.ts";
import { EdgeChoice, type BackOff } from "./edge-choice.ts";
import { pickReadings, setAside } from "./set-aside.ts";
import { sign, type SigningKey } from "./signature.ts";
import { takeFolder } from "./sole-use.ts";

/** What a device needs; what may be left out has the value of `DEFAULTS`. */
export interface DeviceOptions {
  readonly device: string;
  /** Base URLs in the order of preference. */
  readonly edges: readonly string[];
  /** Asked for each request, so that a token can be exchanged while the device runs. */
  readonly token: () => string;
  /** Instead of a token: requests are signed with this key. Asked for each request too. */
  readonly signingKey?: (() => SigningKey) | null;
  /** The folder of the buffer, of this device alone. */
  readonly folder: string;
  /** A batch is closed at this many readings, or when its first reading is this old. */
  readonly batchReadings?: number;
  readonly batchAgeMs?: number;
  /** Bytes of the batches that may wait, and what happens beyond. */
  readonly bufferBytesMax?: number;
  readonly whenFull?: WhenFull;
  /** Over HTTP, or over a WebSocket that stays open; where none opens, over HTTP. */
  readonly transport?: "http" | "ws";
  /** Bodies above this are sent as gzip, over HTTP. */
  readonly gzipAboveBytes?: number;
  readonly requestTimeoutMs?: number;
  readonly backOff?: BackOff;
  /** Draws the id of a start of the device. */
  readonly drawBoot?: () => string;
  readonly onEvent?: (event: DeviceEvent) => void;
}

/** What a device tells while it works. Counts are readings. */
export type DeviceEvent =
  | {
      readonly event: "opened";
      readonly boot: string;
      readonly waiting: number;
      readonly tornBytes: number;
      readonly damagedLines: number;
    }
  /** The batch is on this device's disk. */
  | { readonly event: "kept"; readonly batch: Batch }
  /** There was no room; `total` since the buffer was made. */
  | { readonly event: "refused"; readonly readings: number; readonly total: number }
  | {
      readonly event: "sent";
      readonly name: string;
      readonly edge: string;
      readonly region: string;
      readonly accepted: number;
      readonly duplicates: number;
    }
  /** Not taken now; the batch stays where it is. */
  | { readonly event: "again"; readonly name: string; readonly edge: string; readonly why: string }
  | { readonly event: "renamed"; readonly name: string; readonly to: string; readonly why: string }
  | { readonly event: "split"; readonly name: string; readonly why: string }
  | {
      readonly event: "set-aside";
      readonly name: string;
      readonly readings: number;
      readonly file: string;
      readonly isWritten: boolean;
      readonly why: string;
    };

const DEFAULTS = {
  batchReadings: 300,
  batchAgeMs: 10_000,
  bufferBytesMax: 16_777_216,
  whenFull: "refuse",
  transport: "http",
  gzipAboveBytes: 1_024,
  requestTimeoutMs: 10_000,
  signingKey: null,
  backOff: { firstMs: 500, maxMs: 60_000 },
  drawBoot: () => randomBytes(8).toString("hex"),
  onEvent: () => undefined,
} as const;

const compress = promisify(gzip);

/** A device that keeps its readings until an edge has them. */
export class Device {
  readonly #options: Required<DeviceOptions>;
  readonly #log: BatchLog;
  readonly #edges: EdgeChoice;
  readonly #leaveFolder: () => void;
  readonly #ending = new AbortController();
  readonly #sending: Promise<void>;
  #boot: string;
  #nextSeq = 1;
  #open: Row[] = [];
  #openReadings = 0;
  #ageTimer: NodeJS.Timeout | undefined;
  #stream: { readonly edge: string; readonly stream: IngestStream } | null = null;
  #sendingName: string | null = null;
  #isClosing = false;
  #closing: Promise<void> | null = null;
  #wake: () => void = () => undefined;

  private constructor(options: Required<DeviceOptions>, log: BatchLog, leaveFolder: () => void) {
    this.#options = options;
    this.#log = log;
    this.#leaveFolder = leaveFolder;
    this.#edges = new EdgeChoice(options.edges, options.backOff);
    this.#boot = options.drawBoot();
    const { tornBytes, damagedLines } = log;
    const boot = this.#boot;
    options.onEvent({ event: "opened", boot, waiting: log.readings, tornBytes, damagedLines });
    this.#sending = this.#send();
  }

  /** Opens the buffer and begins to send what waits in it. Throws if another process uses it. */
  static async open(options: DeviceOptions): Promise<Device> {
    const whole = { ...DEFAULTS, ...options };
    const file = path.join(whole.folder, "batches.log");
    const bounds = { bytesMax: whole.bufferBytesMax, whenFull: whole.whenFull };
    fs.mkdirSync(whole.folder, { recursive: true, mode: 0o700 });
    const leaveFolder = await takeFolder(whole.folder);
    return new Device(whole, new BatchLog({ file, ...bounds }), leaveFolder);
  }

  /** What waits on disk, and what was refused since the buffer was made. */
  get buffer(): { readonly batches: number; readonly readings: number; readonly refused: number } {
    const { batches, readings, refused } = this.#log;
    return { batches, readings, refused };
  }

  /** Takes readings of one time. They are kept when their batch is closed. */
  record(values: Readonly<Record<string, Value>>, timeMs: number = Date.now()): void {
    for (const [stream, value] of Object.entries(values)) {
      // JSON has no such number: it would be null, which is no reading at all.
      if (typeof value === "number" && !Number.isFinite(value)) {
        throw new RangeError(`Cannot record ${stream}: ${value} is not a finite number`);
      }
    }
    if (!Number.isSafeInteger(timeMs)) throw new RangeError(`${timeMs} is not a time in ms`);
    this.#open.push({ timeMs, values });
    this.#openReadings += Object.keys(values).length;
    this.#ageTimer ??= setTimeout(() => this.flush(), this.#options.batchAgeMs);
    if (this.#openReadings >= this.#options.batchReadings) this.flush();
  }

  /** Closes the open batch now and keeps it. */
  flush(): void {
    clearTimeout(this.#ageTimer);
    this.#ageTimer = undefined;
    const rows = this.#open;
    this.#open = [];
    this.#openReadings = 0;
    if (rows.length === 0) return;
    const batch = { boot: this.#boot, seq: this.#nextSeq, ...toColumns(rows) };
    if (this.#log.keep(batch, this.#sendingName)) {
      this.#nextSeq += 1;
      this.#options.onEvent({ event: "kept", batch });
    } else {
      const total = this.#log.refused;
      this.#options.onEvent({ event: "refused", readings: readingsOf(batch), total });
    }
    this.#wake();
  }

  /**
   * Keeps the open batch, goes on sending for at most `graceMs`, and closes the buffer. Called
   * again, it can only make the time shorter.
   */
  close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#ending.abort(), graceMs);
    this.#closing ??= this.#finish();
    return this.#closing.finally(() => clearTimeout(timer));
  }

  async #finish(): Promise<void> {
    this.flush();
    this.#isClosing = true;
    this.#wake();
    await this.#sending;
    this.#stream?.stream.close();
    this.#log.close();
    this.#leaveFolder();
  }

  /** Sends what waits, the oldest first and one at a time, until the end. */
  async #send(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const batch = this.#log.oldest();
      if (batch === null) {
        if (this.#isClosing) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const choice = this.#edges.choose(performance.now());
      if (choice.kind === "wait") {
        await sleep(choice.waitMs, undefined, { signal }).catch(() => undefined);
        continue;
      }
      this.#sendingName = nameOf(batch);
      const decision = await this.#post(choice.url, batch);
      this.#sendingName = null;
      this.#settle(choice.url, batch, decision);
    }
  }

  async #post(edge: string, batch: Batch): Promise<Decision> {
    const { transport, signingKey, requestTimeoutMs } = this.#options;
    const json = JSON.stringify({ ...batch, sent: Date.now() });
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(requestTimeoutMs)]);
    // A signature is over one request, and a stream has none for each batch.
    const isStream = transport === "ws" && signingKey === null;
    try {
      const answer = isStream
        ? await this.#overStream(edge, batch, json, signal)
        : await this.#overHttp(edge, batch, json, signal);
      return decide(answer, Date.now());
    } catch (error) {
      return { kind: "again", scope: "this-edge", waitMs: null, why: reasonOf(error) };
    }
  }

  async #overStream(
    edge: string,
    batch: Batch,
    json: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { device, token } = this.#options;
    if (this.#stream?.edge !== edge) {
      this.#stream?.stream.close();
      this.#stream = { edge, stream: new IngestStream(edge, device) };
    }
    try {
      return await this.#stream.stream.post(json, token(), signal);
    } catch (error) {
      if (error instanceof NotOpened) return this.#overHttp(edge, batch, json, signal);
      throw error;
    }
  }

  async #overHttp(edge: string, batch: Batch, json: string, signal: AbortSignal): Promise<Answer> {
    const { device, gzipAboveBytes } = this.#options;
    const isLarge = json.length > gzipAboveBytes;
    const body = isLarge ? await compress(json) : json;
    const target = `/v1/devices/${device}/readings`;
    const response = await fetch(new URL(target, edge), {
      method: "POST",
      headers: {
        ...this.#authorize(target, batch, body),
        "content-type": "application/json",
        ...(isLarge ? { "content-encoding": "gzip" } : {}),
      },
      body,
      redirect: "manual",
      signal,
    });
    const { status, headers } = response;
    const contentType = headers.get("content-type") ?? "";
    const text = await response.text();
    return { status, contentType, retryAfter: headers.get("retry-after"), text };
  }

  #authorize(
    target: string,
    { boot, seq }: Batch,
    body: string | Uint8Array,
  ): Record<string, string> {
    const { device, token, signingKey } = this.#options;
    if (signingKey === null) return { authorization: `Bearer ${token()}` };
    return sign({ method: "POST", target, device, boot, seq, body }, signingKey());
  }

  #settle(edge: string, batch: Batch, decision: Decision): void {
    const name = nameOf(batch);
    const nowMs = performance.now();
    const tell = this.#options.onEvent;
    if (decision.kind === "again") {
      const { scope, waitMs, why } = decision;
      this.#edges.failed(scope === "this-edge" ? edge : null, nowMs, waitMs);
      tell({ event: "again", name, edge, why });
      return;
    }
    this.#edges.succeeded(edge);
    switch (decision.kind) {
      case "stored": {
        const { rejected, accepted, duplicates, region } = decision;
        if (rejected > 0) this.#setAside(batch, decision, `${rejected} readings were rejected`);
        this.#log.settle(name);
        return tell({ event: "sent", name, edge, region, accepted, duplicates });
      }
      case "set-aside":
        this.#setAside(batch, { ...decision, rejected: readingsOf(batch) }, decision.why);
        return this.#log.settle(name);
      case "rename":
        // The other batches of that boot may meet the same, so all that follow get a new one.
        this.#boot = this.#options.drawBoot();
        this.#nextSeq = 1;
        return this.#putInPlace(edge, batch, [batch], decision);
      case "split": {
        const halves = halve(batch);
        if (halves !== null) return this.#putInPlace(edge, batch, halves, decision);
        this.#setAside(batch, { errors: [], rejected: readingsOf(batch) }, decision.why);
        return this.#log.settle(name);
      }
    }
  }

  /** Keeps the same readings under new names. A full disk lets them wait under the old one. */
  #putInPlace(
    edge: string,
    batch: Batch,
    parts: readonly Pick<Batch, "t" | "series">[],
    { kind, why }: Extract<Decision, { kind: "rename" | "split" }>,
  ): void {
    const name = nameOf(batch);
    const by = parts.map(({ t, series }, index) => {
      return { boot: this.#boot, seq: this.#nextSeq + index, t, series };
    });
    if (!this.#log.replace(name, by)) {
      return this.#edges.failed(edge, performance.now(), null);
    }
    this.#nextSeq += by.length;
    const tell = this.#options.onEvent;
    if (kind === "split") return tell({ event: "split", name, why });
    tell({ event: "renamed", name, to: by.map(nameOf).join(), why });
  }

  #setAside(
    batch: Batch,
    what: Pick<Extract<Decision, { kind: "stored" }>, "errors" | "rejected">,
    why: string,
  ): void {
    const name = nameOf(batch);
    const file = path.join(this.#options.folder, "set-aside.ndjson");
    const readings = pickReadings(batch, what.errors, what.rejected);
    const isWritten = setAside(file, { at: new Date().toISOString(), why, readings });
    const counted = { readings: what.rejected, file, isWritten };
    this.#options.onEvent({ event: "set-aside", name, ...counted, why });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? cause.message || cause.name : error.message;
}
