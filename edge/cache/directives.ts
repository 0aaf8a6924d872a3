// Which field says how this cache may keep a response? The first targeted one that can be read
// (RFC 9213 §2.2), or else Cache-Control.

import { parseCacheControl, type CacheControl } from "../../http/cache-control.ts";
import type { FieldLines } from "../../http/fields.ts";
import { parseTargeted } from "../../http/targeted.ts";

/** The directives that count, and the field that they are from. */
export interface Directives {
  readonly control: CacheControl;
  readonly from: (typeof TARGETED)[number] | "cache-control";
}

/** Fields that are for this cache, the most particular first; the first ends here. */
const TARGETED = ["skerry-cache-control", "cdn-cache-control"] as const;

/** Finds the directives that count for this cache. */
export function directivesOf(fields: FieldLines): Directives {
  for (const from of TARGETED) {
    const control = fields.has(from) ? parseTargeted(fields.get(from)) : null;
    if (control !== null) return { control, from };
  }
  return { control: parseCacheControl(fields.get("cache-control")), from: "cache-control" };
}
