// Does a client see what it has written, wherever it asks next (read your writes; Terry et al. 1994)?
// A write of replicated state is answered with a token: who wrote, and the number of the write. A
// request that carries it waits until whoever answers has heard of that, though not for long.

import type { Problem } from "../http/problem.ts";

export const SESSION_FIELD = "skerry-session";

/** A write: the origin's by its history's seq, a region's by the number of its purge. */
export interface SessionToken {
  readonly writer: string;
  readonly seq: number;
}

/** Tokens of one request. */
const TOKENS_MAX = 8;
/** How long a request waits to be answered as its session asks, and how often it looks, milliseconds. */
const WAIT_MS_MAX = 2_000;
const LOOK_MS = 50;

export function formatSession({ writer, seq }: SessionToken): string {
  return `${writer}:${seq}`;
}

/** Reads `WRITER:SEQ, WRITER:SEQ`; null for anything else, or too many. */
export function parseSession(text: string): readonly SessionToken[] | null {
  const items = text.split(",", TOKENS_MAX + 1);
  if (items.length > TOKENS_MAX) return null;
  const tokens = items.flatMap((item) => {
    const [, writer = "", seq = ""] = /^ *([a-z0-9-]{1,32}):(0|[1-9]\d{0,15}) *$/.exec(item) ?? [];
    return writer !== "" && Number.isSafeInteger(Number(seq)) ? [{ writer, seq: Number(seq) }] : [];
  });
  return tokens.length === items.length ? tokens : null;
}

/** Waits until all that a request's session names has been seen; a problem if it is not in time. */
export async function awaitSession(
  request: Request,
  hasSeen: (tokens: readonly SessionToken[]) => Promise<boolean>,
): Promise<Problem | null> {
  const text = request.headers.get(SESSION_FIELD);
  if (text === null) return null;
  const tokens = parseSession(text);
  if (tokens === null) return MALFORMED;
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += LOOK_MS) {
    if (await hasSeen(tokens)) return null;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return behind(text);
}

const MALFORMED: Problem = {
  code: "malformed-session",
  status: 400,
  title: "Malformed session",
  detail: `Skerry-Session is at most ${TOKENS_MAX} of WRITER:SEQ, with commas between: send back what a write was answered with, or leave it out`,
};

function behind(text: string): Problem {
  return {
    code: "session-behind",
    status: 503,
    title: "Not there yet",
    detail: `What the session names (${text.slice(0, 80)}) has not arrived here in ${WAIT_MS_MAX / 1_000} seconds: ask again, or without Skerry-Session for what is known here`,
    headers: { "retry-after": "1" },
  };
}
