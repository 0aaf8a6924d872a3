// Of which times could something not be read? From the keys of the items that were left out.

import type { DeviceId } from "../../sync/brand.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import type { TimeRange } from "../ports.ts";
import { behind, type SqlPages } from "./sql-pages.ts";
import { hourKey, partsOf } from "./sql-segments.ts";

/**
 * Lists times of which something of a device could not be read, as far as it was tried.
 *
 * @param spanMs What an item may span from the time in its key on.
 */
export function damagedOf(pages: SqlPages, device: DeviceId, spanMs: number): TimeRange[] {
  return [...pages.damaged].flatMap(([from, to]): TimeRange[] => {
    const { hourMs } = partsOf(from);
    if (to === behind(from)) {
      if (!from.startsWith(hourKey(hourMs, device))) return [];
      const timeMs = parseInt(from.split("/")[2] ?? "", 16);
      return [[Number.isNaN(timeMs) ? hourMs : timeMs, hourMs + spanMs - 1]];
    }
    // Of a page it is known only which keys it may have had.
    const firstMs = hourMs + (`${hourKey(hourMs, device)}~` < from ? spanMs : 0);
    const endMs = to === null ? TIME_MS_MAX : partsOf(to).hourMs;
    const lastMs = to !== null && hourKey(endMs, device) < to ? endMs + spanMs : endMs;
    return firstMs < lastMs ? [[firstMs, lastMs - 1]] : [];
  });
}
