// What does one request leave behind? One JSON line, and an x-request-id on the answer.

/** What a Worker adds to a request's log line beyond what HTTP says. */
export type LogFields = Record<string, string | number | boolean | null>;

/** The facts of one request that its handler may add to while it runs. */
export interface RequestScope {
  /** Null if what the request says of itself is no URL. */
  readonly url: URL | null;
  readonly requestId: string;
  /** The trace id of the caller's `traceparent` (W3C Trace Context), or null. */
  readonly traceId: string | null;
  readonly fields: LogFields;
}

/** Which requests leave a line: all, those that are answered with a server error, or none. */
export const LOGGED = ["all", "errors", "none"] as const;
export type Logged = (typeof LOGGED)[number];

/** A request id from outside is taken over if it is plain, so that a proxy's id can be followed. */
const REQUEST_ID = /^[A-Za-z0-9._-]{8,128}$/;
const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Opens the scope of a request. */
export function openScope(request: Request): RequestScope {
  const given = request.headers.get("x-request-id") ?? "";
  const trace = TRACEPARENT.exec(request.headers.get("traceparent") ?? "");
  return {
    url: URL.parse(request.url),
    requestId: REQUEST_ID.test(given) ? given : crypto.randomUUID(),
    traceId: trace?.[1] ?? null,
    fields: {},
  };
}

/** Marks the answer with its request id and writes the request's one log line, if it is to have one. */
export function closeScope(
  scope: RequestScope,
  request: Request,
  response: Response,
  startedMs: number,
  logged: Logged,
): Response {
  if (logged === "all" || (logged === "errors" && response.status >= 500))
    logRequest(scope, request, response.status, startedMs);
  return withField(response, "x-request-id", scope.requestId);
}

function logRequest(
  { url, requestId, traceId, fields }: RequestScope,
  request: Request,
  status: number,
  startedMs: number,
): void {
  log("request", {
    requestId,
    ...(traceId === null ? {} : { traceId }),
    method: request.method,
    host: url?.host ?? null,
    path: url?.pathname ?? null,
    status,
    durationMs: Date.now() - startedMs,
    ...fields,
  });
}

/** Writes one JSON log line. The only place that touches the console. */
export function log(event: string, fields: LogFields): void {
  // oxlint-disable-next-line no-console -- the console is the log of a Worker
  console.log(JSON.stringify({ time: new Date().toISOString(), event, ...fields }));
}

/** Adds a field to a response; to a copy of one that was fetched, which cannot be changed. */
export function withField(response: Response, name: string, value: string): Response {
  if (response.webSocket != null) return response;
  try {
    response.headers.set(name, value);
    return response;
  } catch {
    const marked = new Response(response.body, response);
    marked.headers.set(name, value);
    return marked;
  }
}
