// What is the client asked to do, and what does it say? Messages between the bench and its client.

import type { DialectName } from "./dialect.ts";

/** A closed loop: every connection has one batch outstanding, until time or batches are used up. */
export interface Job {
  readonly dialect: DialectName;
  readonly port: number;
  /** One a connection. */
  readonly devices: readonly { readonly id: string; readonly token: string }[];
  /** Readings of a batch, and batches written ahead for each connection. */
  readonly batch: number;
  readonly batchesEach: number;
  readonly durationMs: number;
  /** True: all batches are sent, however long it takes. */
  readonly isWhole: boolean;
}

export type Ask =
  | { readonly ask: "prepare"; readonly job: Job }
  | { readonly ask: "go" }
  | { readonly ask: "close" };

/** What a job came to. Times are milliseconds. */
export interface Outcome {
  readonly answers: number;
  readonly readings: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The share of one core that the client itself used. */
  readonly clientCpuMs: number;
  readonly bytesSent: number;
}

export type Said =
  | { readonly said: "ready" }
  | { readonly said: "done"; readonly outcome: Outcome }
  | { readonly said: "closed" }
  | { readonly said: "failed"; readonly why: string };
