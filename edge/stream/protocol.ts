// What do the two ends of a stream of readings agree on? The names of `skerry.ingest.1`: its
// subprotocol, what the upgrade may ask for, the codes that a stream is closed with, the control
// messages of the client, and the first message of the server. docs/ingest-protocol.md is the
// specification.

import type { Problem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";

export const SUBPROTOCOL = "skerry.ingest.1";
/** A client that cannot set Authorization offers its token as a subprotocol with this in front. */
export const TOKEN_PREFIX = "skerry.bearer.";

/** The text that keeps a stream alive, and its answer; neither wakes the hub. */
export const PING = "ping";
export const PONG = "pong";

/** How a stream ends: a close code (RFC 6455 §7.4) and what is said with it. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** Why the server ends a stream. */
export type EndingName =
  | "tooLarge"
  | "failed"
  | "busy"
  | "unauthorized"
  | "forbidden"
  | "idle"
  | "replaced"
  | "overrun"
  | "unseen";

/** Codes of 4xxx are our own, near the HTTP status of that meaning. */
export const ENDINGS: Readonly<Record<EndingName, Ending>> = {
  tooLarge: { code: 1009, reason: `a message has at most ${limits.bodyBytesMax} bytes` },
  failed: { code: 1011, reason: "something went wrong that is not your fault; connect again" },
  busy: { code: 1013, reason: "the hub holds too much that is unanswered: connect again later" },
  unauthorized: { code: 4401, reason: "the token is no longer good: connect with another" },
  forbidden: { code: 4403, reason: "the device may not send: see the problem of a POST" },
  idle: { code: 4408, reason: "nothing was heard: send a message, or ping" },
  replaced: { code: 4409, reason: "the device has opened more streams than it may have" },
  overrun: { code: 4429, reason: "more is unanswered than the window of hello allows" },
  unseen: { code: 4430, reason: "too many answers are unconfirmed: send seen" },
};

/** What a client asks for in the query of the upgrade. */
export interface StreamOptions {
  /** How long an answer may be held back so that commits are shared, milliseconds. */
  readonly lingerMs: number;
  /** A message is stored whole or not at all, as with `Prefer: handling=strict`. */
  readonly isStrict: boolean;
  /** Every message has its own result in the answer, not only those with something wrong. */
  readonly hasAllResults: boolean;
  /** After so long without a message or a ping the stream is closed, milliseconds. */
  readonly idleMs: number;
}

const NUMBER = /^\d{1,6}$/;

/** Reads each parameter; null if it is none of those that `RULES` describes. */
const PARAMETERS: Readonly<Record<string, (text: string) => Partial<StreamOptions> | null>> = {
  linger: (text) => {
    const lingerMs = NUMBER.test(text) ? Number(text) : Infinity;
    return lingerMs <= limits.streamLingerMsMax ? { lingerMs } : null;
  },
  idle: (text) => {
    const seconds = NUMBER.test(text) ? Number(text) : 0;
    const isInside = seconds >= limits.streamIdleSMin && seconds <= limits.streamIdleSMax;
    return isInside ? { idleMs: seconds * 1000 } : null;
  },
  handling: (text) => (/^(strict|lenient)$/.test(text) ? { isStrict: text === "strict" } : null),
  results: (text) => (/^(all|refused)$/.test(text) ? { hasAllResults: text === "all" } : null),
};

const RULES = `linger is 0 to ${limits.streamLingerMsMax} milliseconds, idle ${limits.streamIdleSMin} to ${limits.streamIdleSMax} seconds, handling strict or lenient, results all or refused; there are no others`;

/** Reads the query of the upgrade; the problem names what is wrong in it. */
export function parseOptions(
  query: Iterable<readonly [string, string]>,
): Result<StreamOptions, Problem> {
  let options: StreamOptions = {
    lingerMs: 0,
    isStrict: false,
    hasAllResults: false,
    idleMs: limits.streamIdleMs,
  };
  for (const [name, text] of query) {
    const read = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name]?.(text) : null;
    if (read == null)
      return err(badOption(`"${name.slice(0, 40)}=${text.slice(0, 40)}" will not do: ${RULES}`));
    options = { ...options, ...read };
  }
  return ok(options);
}

/** Splits the subprotocols that a client offers (RFC 6455 §11.3.4). */
export function parseOffer(field: string | null): {
  readonly isSpoken: boolean;
  readonly token: string | null;
} {
  const offered = (field ?? "").split(",").map((name) => name.trim());
  const token = offered.find((name) => name.startsWith(TOKEN_PREFIX)) ?? null;
  return {
    isSpoken: offered.includes(SUBPROTOCOL),
    token: token === null ? null : token.slice(TOKEN_PREFIX.length),
  };
}

/**
 * Reads a text message that is not readings: `{"seen": n}`, the client has read every answer up to
 * that of its n-th message.
 *
 * @returns n, or null if it is another message.
 */
export function parseSeen(text: string): number | null {
  const digits = /^\{"seen":(\d{1,15})\}$/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** What a client learns first. */
export interface Hello {
  readonly device: string;
  readonly region: string;
  /** Up to which seq this region holds every batch, by boot. */
  readonly boots: Readonly<Record<string, number>>;
  readonly options: StreamOptions;
  /** The clock of this region, epoch milliseconds. */
  readonly nowMs: number;
}

/** Writes the first message. */
export function formatHello({ device, region, boots, options, nowMs }: Hello): string {
  return JSON.stringify({
    hello: SUBPROTOCOL,
    device,
    region,
    boots,
    window: { messages: limits.streamWindowMessages, bytes: limits.streamWindowBytes },
    unseen: limits.streamUnseenMessagesMax,
    message: { bytes: limits.bodyBytesMax, readings: limits.readingsPerRequestMax },
    lingerMs: options.lingerMs,
    idleMs: options.idleMs,
    nowMs,
  });
}

function badOption(detail: string): Problem {
  return { code: "stream-option", status: 400, title: "Not an option of a stream", detail };
}

/**
 * Says 426 to a request that does not ask for a WebSocket (RFC 9110 §15.5.22). The Upgrade field that
 * belongs with it is the runtime's to set, and workerd sets none.
 */
export const UPGRADE_REQUIRED: Problem = {
  code: "upgrade-required",
  status: 426,
  title: "A WebSocket is here",
  detail: `Open a WebSocket with the subprotocol ${SUBPROTOCOL}; readings over plain HTTP go to .../readings`,
};

export const NOT_SPOKEN: Problem = {
  code: "stream-subprotocol",
  status: 400,
  title: "Not a subprotocol of this door",
  detail: `Offer the subprotocol ${SUBPROTOCOL} (Sec-WebSocket-Protocol)`,
};

export const TOO_MANY_STREAMS: Problem = {
  code: "too-many-sessions",
  status: 503,
  title: "Too many streams",
  detail: `This hub has ${limits.streamsPerHubMax} streams open: connect later, or send over HTTP`,
  headers: { "retry-after": String(limits.hubFullRetryAfterS) },
};
