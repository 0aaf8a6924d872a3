// What does a targeted field say to this cache alone? (RFC 9213.) A Dictionary of Structured Fields
// (RFC 9651); whatever does not parse as one is ignored, so that Cache-Control holds again.

import { parseDictionary } from "structured-headers";
import type { CacheControl } from "./cache-control.ts";

/**
 * Parses a targeted field; null if it is to be ignored: not there, empty, or no Dictionary.
 *
 * Values become arguments as text, so that a lifetime that is no integer is an invalid one.
 */
export function parseTargeted(field: string | null): CacheControl | null {
  if (field === null || field.trim() === "") return null;
  try {
    const directives = new Map<string, readonly (string | null)[]>();
    for (const [name, [value]] of parseDictionary(field)) {
      if (value === false) continue;
      directives.set(name, [value === true ? null : String(value)]);
    }
    return directives.size === 0 ? null : { directives, isMalformed: false };
  } catch {
    return null;
  }
}
