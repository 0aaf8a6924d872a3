// Which groups does a response belong to, and which does it invalidate? (RFC 9875.) Cache-Groups and
// Cache-Group-Invalidation are Lists of Strings of Structured Fields; what is none is ignored.

import { parseList } from "structured-headers";

/** Groups of one field that count, as many as RFC 9875 §2 asks for; the rest is ignored. */
export const GROUPS_MAX = 32;

/** Parses a field of groups; empty if it is not there or not understood. Parameters are ignored. */
export function parseGroups(field: string | null): readonly string[] {
  if (field === null || field.trim() === "") return [];
  try {
    const names = parseList(field).map(([value]) => value);
    return names.every((name) => typeof name === "string") ? names.slice(0, GROUPS_MAX) : [];
  } catch {
    return [];
  }
}
