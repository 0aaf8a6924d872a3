// What is the client of bench:cache asked to do, and what does it say?

/** Connections that each send one request after the other. */
export interface Job {
  readonly port: number;
  readonly connections: number;
  /** Requests in all, of which each connection takes the next. */
  readonly requests: number;
  /** Targets, of which the requests take one after the other; `#` becomes a number of its own. */
  readonly targets: readonly string[];
  /** More fields, each with its line end. */
  readonly fields: string;
  /** At most so many requests a second; 0: as many as there can be. */
  readonly perS: number;
  /** Statuses that are answers. */
  readonly statuses: readonly number[];
}

/** What a job came to. Times are milliseconds. */
export interface Outcome {
  readonly answers: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly clientCpuMs: number;
  readonly bytes: number;
  /** The head of the last answer. */
  readonly head: string;
}

export type Said =
  | { readonly said: "done"; readonly outcome: Outcome }
  | { readonly said: "failed"; readonly why: string };

/** What the upstream does: answers, hangs up at once, or answers after a while. */
export type UpstreamMode = { readonly mode: "answers" | "hangs-up"; readonly delayMs: number };

export type UpstreamSaid =
  | { readonly said: "listening"; readonly port: number }
  | { readonly said: "counted"; readonly requests: number };
