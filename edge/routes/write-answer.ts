// How does the line protocol's door answer? As InfluxDB does, so that its clients know what to do:
// 204, or { code, message }, where "partial write" says that the other lines are kept.

import type { Problem, ProblemItem } from "../../http/problem.ts";

/** What a write came to; counts are readings. */
export interface Written {
  readonly stored: number;
  readonly dropped: number;
  readonly conflicts: number;
  readonly errors: readonly ProblemItem[];
}

const CODES: Readonly<Record<number, string>> = {
  401: "unauthorized",
  403: "forbidden",
  409: "conflict",
  413: "request too large",
  429: "too many requests",
  503: "unavailable",
};

/** Answers 204 if all is stored as it was sent, else 400 with what is not and why. */
export function answerWritten(written: Written): Response {
  const { dropped, conflicts, errors } = written;
  if (dropped === 0 && conflicts === 0) return new Response(null, { status: 204 });
  return customary(400, messageOf(written), {}, errors);
}

/** Answers a problem of the whole request in the words that these clients look for. */
export function refuseWrite({ status, detail, headers, errors }: Problem): Response {
  return customary(status, detail, headers ?? {}, errors ?? []);
}

function customary(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>>,
  errors: readonly ProblemItem[],
): Response {
  // Clients of 2.x read `code` and `message`, those of 1.x `error`.
  const body = { code: CODES[status] ?? "invalid", message, error: message, errors };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

function messageOf({ stored, dropped, conflicts, errors }: Written): string {
  const first = errors[0];
  if (dropped === 0 || first === undefined)
    return `partial write: ${conflicts} readings have the device, stream and time of others with another value, and do not count; tags other than "device" do not tell streams apart`;
  // Telegraf sends again what was refused, unless it reads one of these words.
  const what = stored > 0 ? "partial write" : "unable to parse";
  const stream = first.stream === undefined ? "" : `${first.stream}: `;
  const line = first.index === undefined ? "" : ` (line ${first.index + 1})`;
  return `${what}: ${stream}${first.message}${line}; dropped=${dropped}`;
}
