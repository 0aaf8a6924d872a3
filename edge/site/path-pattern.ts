// Does a path of a site's settings mean a request's path? Both are canonical, so bytes are compared.

/**
 * Matches a path with a pattern: a path, or its beginning and "*".
 *
 * @returns What the "*" stood for, "" for a pattern without one; null if it does not match.
 */
export function matchPath(pattern: string, path: string): string | null {
  if (!pattern.endsWith("*")) return pattern === path ? "" : null;
  const beginning = pattern.slice(0, -1);
  return path.startsWith(beginning) ? path.slice(beginning.length) : null;
}

/** Tells whether one of several names, each of which may end in "*", means a name. */
export function isNamed(names: readonly string[], name: string): boolean {
  return names.some((pattern) => matchPath(pattern, name) !== null);
}

/** Tells whether one of several media types, "image/*" too, is that of a Content-Type field. */
export function isOfType(types: readonly string[], contentType: string | null): boolean {
  const [type = ""] = (contentType ?? "").split(";", 1);
  return isNamed(types, type.trim().toLowerCase());
}
