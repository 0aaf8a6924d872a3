// What does an edge's answer to a batch mean for the device? Pure: the answer in, a decision out.

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | null;
  readonly text: string;
}

/** One reading that an edge did not take, as its answer names it. */
export interface ReadingError {
  readonly stream?: string;
  /** The reading's place in its column. */
  readonly index?: number;
  readonly code: string;
  readonly message: string;
}

/** What the device does next. */
export type Decision =
  /** It is on an edge's disk. `rejected` readings are not; at most 20 are in `errors`. */
  | {
      readonly kind: "stored";
      readonly accepted: number;
      readonly duplicates: number;
      readonly rejected: number;
      readonly errors: readonly ReadingError[];
      readonly region: string;
    }
  /** It is to be sent again as it is: after `waitMs` if the edge said so, and not before. */
  | {
      readonly kind: "again";
      /** Whether another edge may be asked meanwhile. */
      readonly scope: "this-edge" | "every-edge";
      readonly waitMs: number | null;
      readonly why: string;
    }
  /** Its name is taken by another batch: it needs a new boot. */
  | { readonly kind: "rename"; readonly why: string }
  /** It is too large. */
  | { readonly kind: "split"; readonly why: string }
  /** It will never be taken as it is. */
  | { readonly kind: "set-aside"; readonly why: string; readonly errors: readonly ReadingError[] };

/** A longer Retry-After is a mistake, and the device would be silent for too long. */
const RETRY_AFTER_MS_MAX = 3_600_000;

/** Malformed, in a form that the edge does not read, and wrong readings only. */
const SET_ASIDE: ReadonlySet<number> = new Set([400, 415, 422]);

/** Decides what follows from an answer. */
export function decide(answer: Answer, nowMs: number): Decision {
  const { status } = answer;
  const body = parseObject(answer);
  const isProblem = answer.contentType.startsWith("application/problem+json");
  const why = `${status} ${text(body["detail"]) || text(body["title"])}`.trim();
  const waitMs = parseRetryAfter(answer.retryAfter, nowMs);
  if (status === 200) return stored(body) ?? stranger(answer);
  // The limit is the device's own, so another edge would not help.
  if (status === 429) return { kind: "again", scope: "every-edge", waitMs, why };
  if (status === 413) return { kind: "split", why };
  // A proxy or a captive portal may answer anything; an edge answers with problem details.
  if (!isProblem && status < 500) return stranger(answer);
  if (SET_ASIDE.has(status)) return { kind: "set-aside", why, errors: errorsOf(body) };
  if (status === 409) return { kind: "rename", why };
  // The token is refused, and every edge knows the same keys.
  if (status === 401 || status === 403) return { kind: "again", scope: "every-edge", waitMs, why };
  return { kind: "again", scope: "this-edge", waitMs, why };
}

/** Reads Retry-After: seconds or an HTTP date (RFC 9110 §10.2.3). Returns milliseconds or null. */
export function parseRetryAfter(field: string | null, nowMs: number): number | null {
  if (field === null) return null;
  const isSeconds = /^\d+$/.test(field.trim());
  const waitMs = isSeconds ? Number(field) * 1000 : Date.parse(field) - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), RETRY_AFTER_MS_MAX);
}

/** Only an answer that says `durable` acknowledges: a portal's 200 must not empty the buffer. */
function stored(body: Readonly<Record<string, unknown>>): Decision | null {
  if (body["durable"] !== true) return null;
  return {
    kind: "stored",
    accepted: Number(body["accepted"] ?? 0),
    duplicates: Number(body["duplicates"] ?? 0),
    rejected: Number(body["rejected"] ?? 0),
    errors: errorsOf(body),
    region: text(body["region"]),
  };
}

function stranger({ status, contentType }: Answer): Decision {
  const why = `${status} with "${contentType}": this is not an edge's answer`;
  return { kind: "again", scope: "this-edge", waitMs: null, why };
}

function errorsOf(body: Readonly<Record<string, unknown>>): readonly ReadingError[] {
  return Array.isArray(body["errors"]) ? (body["errors"] as ReadingError[]) : [];
}

function parseObject({ text: json }: Answer): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = JSON.parse(json);
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
