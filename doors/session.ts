// Does a client see what it has written, wherever it asks next (read your writes; Terry et al. 1994)?
// A write of replicated state is answered with a token: who wrote, the number of the write, and a seal.
// A request that carries it waits until whoever answers has heard of that, though not for long. Only
// who was let in to write has one, so nobody else can have a request wait.

import type { Problem } from "../http/problem.ts";
import { macText, sameText, sessionContext } from "./seal.ts";
import { SESSION_WAIT_MS_MAX } from "./session-waits.ts";

export const SESSION_FIELD = "skerry-session";

/** A write: the origin's by its history's seq, a region's by the number of its purge. */
export interface SessionToken {
  readonly writer: string;
  readonly seq: number;
}

/** The link's key, which the origin and every edge have; null: this deployment gives no tokens. */
export type SessionKey = () => Promise<CryptoKey | null>;

/** Tokens of one request. */
const TOKENS_MAX = 8;

/** Makes the field of a write's answer; none without a key. */
export async function sessionFields(
  { writer, seq }: SessionToken,
  keyOf: SessionKey,
): Promise<Readonly<Record<string, string>>> {
  const key = await keyOf();
  if (key === null) return {};
  const text = `${writer}:${seq}`;
  return { [SESSION_FIELD]: `${text}:${await macText(key, sessionContext(text))}` };
}

/** Reads `WRITER:SEQ:SEAL, WRITER:SEQ:SEAL`; null for anything else, too many, or another's seal. */
export async function readSession(
  text: string,
  keyOf: SessionKey,
): Promise<readonly SessionToken[] | null> {
  const items = text.split(",", TOKENS_MAX + 1);
  const key = await keyOf();
  if (items.length > TOKENS_MAX || key === null) return null;
  const tokens: SessionToken[] = [];
  for (const item of items) {
    const token = await readToken(item, key);
    if (token === null) return null;
    tokens.push(token);
  }
  return tokens;
}

async function readToken(item: string, key: CryptoKey): Promise<SessionToken | null> {
  const [, text = "", writer = "", digits = "", mac = ""] = TOKEN.exec(item) ?? [];
  const seq = Number(digits);
  if (writer === "" || !Number.isSafeInteger(seq)) return null;
  return sameText(mac, await macText(key, sessionContext(text))) ? { writer, seq } : null;
}

const TOKEN = /^ *(([a-z0-9-]{1,32}):(0|[1-9]\d{0,15})):([0-9a-f]{32}) *$/;

/**
 * Waits until all that a request's session names has been seen; a problem if it is not in time.
 *
 * @param hasSeen Waits, and tells whether it came in time.
 */
export async function awaitSession(
  request: Request,
  keyOf: SessionKey,
  hasSeen: (tokens: readonly SessionToken[]) => Promise<boolean>,
): Promise<Problem | null> {
  const text = request.headers.get(SESSION_FIELD);
  if (text === null) return null;
  const tokens = await readSession(text, keyOf);
  if (tokens === null) return MALFORMED;
  return (await hasSeen(tokens)) ? null : behind(tokens);
}

const MALFORMED: Problem = {
  code: "malformed-session",
  status: 400,
  title: "Malformed session",
  detail: `Skerry-Session is at most ${TOKENS_MAX} tokens as writes of this deployment were answered with them, with commas between: send them back as they are, or leave it out`,
};

function behind(tokens: readonly SessionToken[]): Problem {
  const names = tokens.map(({ writer, seq }) => `${writer}:${seq}`).join(", ");
  return {
    code: "session-behind",
    status: 503,
    title: "Not there yet",
    detail: `What the session names (${names}) has not arrived here in ${SESSION_WAIT_MS_MAX / 1_000} seconds: ask again, or without Skerry-Session for what is known here`,
    headers: { "retry-after": "1" },
  };
}
