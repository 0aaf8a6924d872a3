// Is a request redirected by its site's settings? The first redirect that means its path decides; what
// its "*" stood for goes where the other one stands, and the query goes along unless there is one.

import type { Redirect } from "../../state/site.ts";
import type { Target } from "../cache/cache-key.ts";
import { matchPath } from "./path-pattern.ts";

/** Where a request is redirected to. */
export interface Redirected {
  readonly status: number;
  readonly location: string;
}

/** Decides whether a request for a target is redirected; null: it is not. */
export function decideRedirect(
  redirects: readonly Redirect[] | undefined,
  { path, query }: Target,
): Redirected | null {
  for (const { from, to, status } of redirects ?? []) {
    const rest = matchPath(from, path);
    if (rest === null) continue;
    const wild = to.endsWith("*") ? to.slice(0, -1) + rest : to;
    // "//host" would lead to another host, as a path that begins so must not.
    const there = wild.startsWith("/") ? wild.replace(/^\/+/, "/") : wild;
    const location = there.includes("?") || there.includes("#") ? there : there + query;
    return location === path + query ? null : { status, location };
  }
  return null;
}
