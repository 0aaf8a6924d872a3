// Which parameters of the query make a key? What a site's settings drop is in no key and is not sent on
// either, so equal keys still mean byte-identical requests to the upstream (P4).

import type { QueryRule } from "../../state/site.ts";
import { isNamed } from "./path-pattern.ts";

/**
 * Leaves out parameters of a query. It is split at "&" alone, and names are compared undecoded: what
 * reads ";" or escapes otherwise than the upstream would let one request pass for another.
 *
 * @param query With its "?", or empty.
 * @returns The parameters that are left, as they came and in their order; "" if none is.
 */
export function keptQuery(query: string, rule: QueryRule | undefined): string {
  if (rule === undefined || query === "") return query;
  const kept = query
    .slice(1)
    .split("&")
    .filter((parameter) => isKept(parameter.split("=", 1)[0] ?? "", rule));
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function isKept(name: string, rule: QueryRule): boolean {
  return "keep" in rule ? isNamed(rule.keep, name) : !isNamed(rule.drop, name);
}
