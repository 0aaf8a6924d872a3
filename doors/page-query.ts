// Which page of a list does a request ask for? Both Workers' lists of purges understand the same.

import type { Problem } from "../http/problem.ts";

/** Entries of a page unless told, and at most. */
const LISTED = 100;
const LISTED_MAX = 1_000;

export interface Page {
  readonly most: number;
  /** What the page before gave; null: from the beginning. */
  readonly cursor: string | null;
}

type PageQuery =
  | { readonly ok: true; readonly page: Page }
  | { readonly ok: false; readonly problem: Problem };

/** Reads `limit` and `cursor` of a query; `shape` is what a cursor of this list looks like. */
export function readPageQuery(
  query: { readonly limit?: string | undefined; readonly cursor?: string | undefined },
  shape: RegExp,
): PageQuery {
  const { limit = String(LISTED), cursor = null } = query;
  const most = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (most < 1 || most > LISTED_MAX) return { ok: false, problem: BAD_LIMIT };
  if (cursor !== null && !shape.test(cursor)) return { ok: false, problem: BAD_CURSOR };
  return { ok: true, page: { most, cursor } };
}

const BAD_LIMIT: Problem = {
  code: "bad-limit",
  status: 400,
  title: "Bad limit",
  detail: `limit is a whole number from 1 to ${LISTED_MAX}`,
};

const BAD_CURSOR: Problem = {
  code: "bad-cursor",
  status: 400,
  title: "Bad cursor",
  detail: "cursor is one that a page of this list gave; leave it out to begin anew",
};
