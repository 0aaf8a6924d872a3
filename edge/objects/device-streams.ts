// Which streams of readings does a hub have open, and what does it do with their messages? It holds
// the sockets, through evictions too, and carries out what edge/stream/session.ts decides. Messages
// that come while others are being committed share the next commit, of whatever stream they are.

import type { Identity } from "../../doors/claims.ts";
import { log } from "../../doors/access-log.ts";
import type { Guard } from "../../doors/guard.ts";
import { problemResponse } from "../../doors/respond.ts";
import { assert } from "../../sync/assert.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import type { Result } from "../../sync/result.ts";
import type { Problem } from "../../http/problem.ts";
import type { IngestCommand, IngestOutcome } from "../ingest.ts";
import { limits } from "../limits.ts";
import { settleIngest, type ReadIngest } from "../routes/readings.ts";
import {
  encodeMessage,
  formatAnswer,
  parseMessage,
  type MessageResult,
  type ParsedMessage,
} from "../routes/stream-messages.ts";
import {
  ENDINGS,
  formatHello,
  parseOptions,
  parseSeen,
  PING,
  PONG,
  SUBPROTOCOL,
  TOO_MANY_STREAMS,
  type Ending,
} from "../stream/protocol.ts";
import { Sharers } from "../sharers.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { openSession, step, type SessionEvent, type SessionState } from "../stream/session.ts";

/** The fields that the Worker adds to the upgrade that it lets in and hands on. */
export const DEVICE_FIELD = "x-skerry-device";
export const EXPIRES_FIELD = "x-skerry-token-expires";

/** What the streams need of their hub. */
export interface StreamsHub {
  readonly region: string;
  /** Commits a batch; `batches` is what its entry holds. */
  ingest(command: IngestCommand, batches: readonly ReadingBatch[]): Promise<IngestOutcome>;
  /** Up to which seq the hub holds every batch of a device, by boot. */
  bootsOf(device: DeviceId): Readonly<Record<string, number>>;
  /** Who may come in, as far as it is known now. */
  guard(): Promise<Guard>;
  /** Asks for a `sweep` at a time. */
  ring(atMs: number): void;
}

/** What of a stream outlives an eviction, in its socket's attachment. */
interface Kept {
  readonly device: DeviceId;
  /** The Authorization that it was opened with, to be checked again. */
  readonly authorization: string;
  /** When its token ends, epoch milliseconds. */
  readonly expiresMs: number;
  readonly openedMs: number;
  readonly state: SessionState;
}

/** An open stream. */
interface Stream extends Kept {
  readonly socket: WebSocket;
  state: SessionState;
  /** The guard that has let it in; another one has to do so again. */
  guard: Guard | null;
  /** As whom it was let in last. */
  poster: Identity | null;
}

/** A message on its way to the hub. */
interface Pending {
  readonly stream: Stream;
  readonly message: number;
  readonly bytes: number;
  readonly parsed: ParsedMessage;
  readonly heardMs: number;
  /** When it is to be committed at the latest, epoch milliseconds. */
  readonly dueMs: number;
}

/** Idle streams are looked for on this grid, so that many streams need few alarms. */
const LOOK_MS = 10_000;

/** The streams of one hub. */
export class DeviceStreams {
  readonly #ctx: DurableObjectState;
  readonly #hub: StreamsHub;
  readonly #streams = new Map<WebSocket, Stream>();
  #pending: Pending[] = [];
  #openBytes = 0;
  /** Streams that had messages in the last commits. */
  readonly #sharers = new Sharers();
  #isCommitting = false;
  /** When the last commit ended, epoch milliseconds. */
  #freeMs = 0;
  /** Streams whose attachments are older than what they have come to. */
  readonly #unkept = new Set<Stream>();
  #timer: { readonly id: ReturnType<typeof setTimeout>; readonly dueMs: number } | null = null;

  constructor(ctx: DurableObjectState, hub: StreamsHub) {
    this.#ctx = ctx;
    this.#hub = hub;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    for (const socket of ctx.getWebSockets()) this.#restore(socket);
  }

  /** Opens a stream for an upgrade that the Worker has let in. */
  open(request: Request): Response {
    const device = parseDeviceId(request.headers.get(DEVICE_FIELD) ?? "");
    const options = parseOptions(new URL(request.url).searchParams);
    if (!options.ok) return problemResponse(options.error);
    if (device === null || this.#streams.size >= limits.streamsPerHubMax)
      return problemResponse(TOO_MANY_STREAMS);
    const nowMs = Date.now();
    const [client, socket] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    const stream: Stream = {
      device,
      authorization: request.headers.get("authorization") ?? "",
      expiresMs: Number(request.headers.get(EXPIRES_FIELD) ?? "0"),
      openedMs: nowMs,
      state: openSession(options.value, nowMs),
      socket,
      guard: null,
      poster: null,
    };
    this.#replaceOldest(device);
    this.#ctx.acceptWebSocket(socket, [device]);
    this.#streams.set(socket, stream);
    keep(stream);
    const boots = this.#hub.bootsOf(device);
    const { region } = this.#hub;
    socket.send(formatHello({ device, region, boots, options: options.value, nowMs }));
    this.#hub.ring(dueOf(stream));
    const headers = { "sec-websocket-protocol": SUBPROTOCOL };
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /** Takes a message. */
  receive(socket: WebSocket, data: string | ArrayBuffer): void {
    const stream = this.#streams.get(socket);
    if (stream === undefined) return;
    const nowMs = Date.now();
    const seen = typeof data === "string" ? parseSeen(data) : null;
    if (seen !== null) return this.#apply(stream, { kind: "seen", messages: seen, nowMs });
    const bytes = typeof data === "string" ? data.length : data.byteLength;
    const before = stream.state.taken;
    this.#apply(stream, { kind: "message", bytes, hubBytes: this.#openBytes, nowMs });
    const message = stream.state.taken;
    if (message === before) return;
    const parsed = parseMessage(
      typeof data === "string" ? data : new Uint8Array(data),
      stream.device,
    );
    const dueMs = nowMs + stream.state.options.lingerMs;
    this.#pending.push({ stream, message, bytes, parsed, heardMs: nowMs, dueMs });
    this.#openBytes += bytes;
    this.#schedule();
  }

  /** Forgets a stream that the client has closed, or that has broken. */
  closed(socket: WebSocket, code: number): void {
    const stream = this.#streams.get(socket);
    if (stream !== undefined) this.#drop(stream, code);
    try {
      // A socket that hibernates does not answer a close by itself (RFC 6455 §5.5.1).
      socket.close(code === 1005 || code === 1006 ? 1000 : code);
    } catch {
      // It is broken, or closed from this end.
    }
  }

  /**
   * Closes the streams that are idle, and those that the guard does not let in any more.
   *
   * @returns When to look again, epoch milliseconds; null if there is nothing to look at.
   */
  async sweep(): Promise<number | null> {
    if (this.#streams.size === 0) return null;
    const guard = await this.#hub.guard();
    let nextMs: number | null = null;
    for (const stream of this.#streams.values()) {
      await this.#check(stream, guard);
      const heardMs = this.#ctx.getWebSocketAutoResponseTimestamp(stream.socket)?.getTime() ?? 0;
      this.#apply(stream, { kind: "looked", heardMs, nowMs: Date.now() });
      if (!stream.state.isEnded) nextMs = Math.min(nextMs ?? Infinity, dueOf(stream));
    }
    return nextMs;
  }

  #restore(socket: WebSocket): void {
    const kept = socket.deserializeAttachment() as Kept | null;
    if (kept !== null) this.#streams.set(socket, { ...kept, socket, guard: null, poster: null });
  }

  #replaceOldest(device: DeviceId): void {
    const own = [...this.#ctx.getWebSockets(device)]
      .flatMap((socket) => this.#streams.get(socket) ?? [])
      .toSorted((a, b) => a.openedMs - b.openedMs);
    const tooMany = own.slice(0, Math.max(0, own.length + 1 - limits.streamsOfDeviceMax));
    for (const stream of tooMany) this.#apply(stream, { kind: "ended", why: "replaced" });
  }

  /** Takes an event to the state machine and carries out what it decides, but for answers. */
  #apply(stream: Stream, event: SessionEvent): void {
    const { state, effect } = step(stream.state, event);
    stream.state = state;
    if (effect?.kind === "close") this.#close(stream, effect.ending);
  }

  #close(stream: Stream, { code, reason }: Ending): void {
    this.#drop(stream, code);
    try {
      stream.socket.close(code, reason);
    } catch {
      // It is closed already.
    }
  }

  #drop({ socket, device, state }: Stream, code: number): void {
    this.#streams.delete(socket);
    const { region } = this.#hub;
    const { taken, settled } = state;
    log("stream-ended", { device, region, code, messages: taken, unanswered: taken - settled });
  }

  #schedule(): void {
    if (this.#isCommitting || this.#pending.length === 0) return;
    const nowMs = Date.now();
    const waitMs = this.#pending.length < this.#sharers.expected ? limits.commitGatherMs : 0;
    const dueMs = Math.max(
      Math.min(...this.#pending.map((pending) => pending.dueMs)),
      Math.max(this.#freeMs, ...this.#pending.slice(0, 1).map(({ heardMs }) => heardMs)) + waitMs,
    );
    if (this.#timer !== null && this.#timer.dueMs <= dueMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer.id);
    const id = setTimeout(() => void this.#commitAll(), Math.max(0, dueMs - nowMs));
    this.#timer = { id, dueMs };
  }

  /** Commits what is pending; what becomes pending meanwhile shares the next commit. */
  async #commitAll(): Promise<void> {
    this.#timer = null;
    this.#isCommitting = true;
    const group = this.#pending.slice(0, limits.streamCommitMessagesMax);
    this.#pending = this.#pending.slice(group.length);
    this.#sharers.note(new Set(group.map(({ stream }) => stream)).size);
    try {
      await this.#commit(group);
    } catch (error) {
      log("stream-commit-failed", { region: this.#hub.region, error: String(error) });
      for (const { stream } of group) this.#apply(stream, { kind: "ended", why: "failed" });
    }
    this.#openBytes -= group.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#isCommitting = false;
    this.#freeMs = Date.now();
    this.#schedule();
  }

  async #commit(group: readonly Pending[]): Promise<void> {
    const guard = await this.#hub.guard();
    for (const { stream } of group) await this.#check(stream, guard);
    // What a stream has left unanswered when it ends is sent again over the next one.
    const open = group.filter(({ stream }) => !stream.state.isEnded);
    const reads = await Promise.all(
      open.map(({ stream, parsed }) =>
        encodeMessage(parsed, stream.device, stream.state.options.isStrict, posterOf(stream)),
      ),
    );
    // All in one turn, so that they commit together.
    const results = await Promise.all(
      open.map((pending, i) => this.#settle(pending, reads[i] as Result<ReadIngest, Problem>)),
    );
    const byStream = Map.groupBy(open.entries(), ([, { stream }]) => stream);
    for (const [stream, own] of byStream) {
      const bytes = own.reduce((sum, [, pending]) => sum + pending.bytes, 0);
      this.#answer(
        stream,
        bytes,
        own.flatMap(([i]) => results[i] ?? []),
      );
    }
  }

  async #settle(
    { message, parsed }: Pending,
    read: Result<ReadIngest, Problem>,
  ): Promise<MessageResult> {
    const identity = identityOf(parsed);
    if (!read.ok) return { message, identity, settled: read };
    const { command, built } = read.value;
    const { contentHash } = command;
    const batches = built.batches.map((batch) => ({ ...batch, contentHash }));
    const outcome = await this.#hub.ingest(command, batches);
    return { message, identity, settled: settleIngest(read.value, outcome, this.#hub.region) };
  }

  #answer(stream: Stream, bytes: number, results: readonly MessageResult[]): void {
    this.#apply(stream, { kind: "settled", messages: results.length, bytes });
    if (stream.state.isEnded) return;
    try {
      stream.socket.send(
        formatAnswer(results, this.#hub.region, stream.state.options.hasAllResults),
      );
      this.#keepSoon(stream);
    } catch {
      this.#drop(stream, ENDINGS.failed.code);
    }
  }

  /**
   * Writes the attachment before the object may be let go of, which is not while a timer runs: to
   * write it with each answer costs as much as the answer. What ends the process ends the sockets.
   */
  #keepSoon(stream: Stream): void {
    if (this.#unkept.size === 0) setTimeout(() => this.#keepAll(), limits.streamKeepMs);
    this.#unkept.add(stream);
  }

  #keepAll(): void {
    for (const stream of this.#unkept) if (this.#streams.has(stream.socket)) keep(stream);
    this.#unkept.clear();
  }

  /** Asks the guard again if it is another one, or the token may have ended. */
  async #check(stream: Stream, guard: Guard): Promise<void> {
    if (stream.guard === guard && Date.now() < stream.expiresMs) return;
    const { authorization, device } = stream;
    const request = new Request("http://hub/", { headers: { authorization } });
    const admission = await guard.requireDevice(request, device, "ingest");
    if (admission.ok) Object.assign(stream, { guard, poster: admission.identity });
    else this.#apply(stream, { kind: "denied", status: admission.problem.status });
  }
}

function posterOf({ poster }: Stream): Identity {
  assert(poster !== null, "An open stream was let in");
  return poster;
}

function identityOf(parsed: ParsedMessage): MessageResult["identity"] {
  switch (parsed.kind) {
    case "columns":
      return parsed.parsed.identity;
    case "binary":
      return parsed.binary.batch.identity;
    case "wrong":
      return { kind: "none" };
  }
}

function keep({ socket, device, authorization, expiresMs, openedMs, state }: Stream): void {
  const kept: Kept = { device, authorization, expiresMs, openedMs, state };
  socket.serializeAttachment(kept);
}

/** When a stream is to be looked at: as its token ends, or once it may be idle. */
function dueOf({ expiresMs, state }: Stream): number {
  const idleMs = Math.ceil((state.heardMs + state.options.idleMs) / LOOK_MS) * LOOK_MS;
  return expiresMs > Date.now() ? Math.min(idleMs, expiresMs) : idleMs;
}
