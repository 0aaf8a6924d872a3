// Which stored responses does a write make doubtful? (RFC 9111 §4.4.) The target of a request whose
// method is not safe, and what its answer names in Location and Content-Location, of the same host.

import { parseGroups } from "../../http/cache-groups.ts";
import { linesOf, type FieldList } from "../../http/fields.ts";
import type { Arrival } from "../../http/forwarding.ts";
import { decideTarget, type Target } from "./cache-key.ts";

/** Methods that change nothing (RFC 9110 §9.2.1), and two that are registered as safe. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "SEARCH"]);

/**
 * Names the targets that an exchange invalidates; none unless it succeeded.
 *
 * @param arrival  Where the request came in: what is named elsewhere is not ours to judge.
 */
export function invalidatedBy(
  method: string,
  target: Target,
  status: number,
  fields: FieldList,
  arrival: Arrival,
): readonly Target[] {
  if (SAFE.has(method) || status < 200 || status >= 400) return [];
  const lines = linesOf(fields);
  const named = ["location", "content-location"].flatMap((name) => {
    const found = resolve(lines.get(name), target, arrival);
    return found === null ? [] : [found];
  });
  return [target, ...named];
}

/** The groups that an answer invalidates, of one to a write that succeeded (RFC 9875 §3). */
export function invalidatedGroups(fields: FieldList): readonly string[] {
  return parseGroups(linesOf(fields).get("cache-group-invalidation"));
}

/** Resolves a reference against the request's target (RFC 3986 §5.2); null if it leads elsewhere. */
function resolve(reference: string | null, base: Target, arrival: Arrival): Target | null {
  if (reference === null || reference === "") return null;
  const [text = ""] = reference.split("#", 1);
  const local = sameHostTarget(text, base, arrival);
  if (local === null) return null;
  const decided = decideTarget(local);
  return decided.kind === "target" ? decided : null;
}

function sameHostTarget(text: string, base: Target, { host, scheme }: Arrival): string | null {
  const authority = /^(?:([a-z][a-z0-9+.-]*):)?\/\/([^/?]*)(.*)$/is.exec(text);
  if (authority !== null) {
    const [, ownScheme = scheme, ownHost = "", rest = ""] = authority;
    const isSame = ownScheme.toLowerCase() === scheme && ownHost.toLowerCase() === host;
    if (!isSame) return null;
    return rest.startsWith("/") ? rest : `/${rest}`;
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return null;
  if (text.startsWith("/")) return text;
  if (text.startsWith("?")) return `${base.path}${text}`;
  return `${base.path.slice(0, base.path.lastIndexOf("/") + 1)}${text}`;
}
