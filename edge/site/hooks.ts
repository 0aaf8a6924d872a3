// What may a site do in TypeScript that its settings cannot say? Functions of plain values at five points
// of a request's way, compiled in by whoever deploys (edge/sites/registry.ts). None of them can make
// private things shared (P4), and one that throws, or says what it may not, never breaks the answer (P9):
// what it said is left out, and Cache-Status tells so (P11).
//
//   onRequest > redirects > onKey > memory, region > onFetch > upstream > onResponse > storing > onDeliver

import type { FieldLines } from "../../http/fields.ts";
import type { LifetimeRuling } from "../cache/storing.ts";

/** A request as hooks see it; its target is canonical. */
export interface HookRequest {
  readonly method: string;
  /** In lower case, without a port. */
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly path: string;
  /** With its "?", or empty. */
  readonly query: string;
  readonly fields: FieldLines;
}

/** What a fetch may depend on: only what the key has, so that equal keys still mean equal requests. */
export interface HookFetch {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** What `onKey` gave. */
  readonly parts: readonly string[];
}

export interface HookResponse {
  readonly status: number;
  readonly fields: FieldLines;
}

/** Fields to set, by their names in lower case, or to take away (null). */
export type FieldChanges = Readonly<Record<string, string | null>>;

/** What becomes of a request before anything else. */
export type RequestOutcome =
  | { readonly kind: "rewrite"; readonly path: string; readonly query: string }
  | { readonly kind: "redirect"; readonly status: 301 | 302 | 307 | 308; readonly location: string }
  | {
      readonly kind: "refuse";
      readonly status: 401 | 403 | 404 | 410 | 451;
      readonly detail: string;
    };

/** The hooks of a site. They return at once, and the same for the same: some are called again. */
export interface SiteHooks {
  /** Rewrites, redirects or refuses a request; undefined: it goes on as it is. */
  readonly onRequest?: (request: HookRequest) => RequestOutcome | undefined;
  /** Names what a key depends on besides, e.g. a country or a group: at most 4 texts. */
  readonly onKey?: (request: HookRequest) => readonly string[];
  /** Changes the fields that the upstream is sent with a read. */
  readonly onFetch?: (fetch: HookFetch) => FieldChanges;
  /** Changes a response before it is stored, and says how long it is kept. */
  readonly onResponse?: (
    fetch: HookFetch,
    response: HookResponse,
  ) => { readonly fields?: FieldChanges; readonly lifetime?: LifetimeRuling };
  /** Changes an answer for the client that gets it; nothing of it is stored. */
  readonly onDeliver?: (request: HookRequest, response: HookResponse) => FieldChanges;
}
