// How does a device learn that its credential has expired and is honoured all the same? By a field of
// the answer; whoever reads the log finds the same in the request's line.

import { withField, type LogFields } from "./access-log.ts";

/** The name in the log line; its value is until when, in RFC 3339. */
const GRACE = "graceUntil";

/** Notes in a request's log line that an expired credential is honoured. */
export function noteGrace(fields: LogFields, untilMs: number): void {
  fields[GRACE] = new Date(untilMs).toISOString();
}

/**
 * Marks the answer to a request whose expired credential was honoured:
 * `Skerry-Credential: expired; until=@1790000000`, a token with a date (RFC 9651 §3.3.7).
 */
export function markGrace(response: Response, fields: LogFields): Response {
  const until = fields[GRACE];
  if (typeof until !== "string") return response;
  const value = `expired; until=@${Math.floor(Date.parse(until) / 1000)}`;
  return withField(response, "skerry-credential", value);
}
