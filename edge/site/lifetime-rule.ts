// What do a site's settings say of a response's lifetime? Only how long: whether it may be stored at all
// is decided as if there were no rules, so that none makes private things shared (P4).

import type { LifetimeRule } from "../../state/site.ts";
import { isOfType, matchPath } from "./path-pattern.ts";

/** The response that a rule is looked up for. */
export interface Ruled {
  /** The canonical path. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
}

/** Finds the first rule that means a response; null: none does. */
export function ruleOf(
  rules: readonly LifetimeRule[] | undefined,
  { path, status, contentType }: Ruled,
): LifetimeRule | null {
  const found = rules?.find(
    (rule) =>
      rule.status.includes(status) &&
      matchPath(rule.path, path) !== null &&
      (rule.types.length === 0 || isOfType(rule.types, contentType)),
  );
  return found ?? null;
}
