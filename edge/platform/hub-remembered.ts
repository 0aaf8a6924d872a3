// What was sealed of a device's next batch? While entries are packed one after the other, what was
// decoded of late is not decoded again.

import { crc32c } from "../../sync/wire/crc32c.ts";
import type { FindReadings } from "../journal/packed-body.ts";
import { limits } from "../limits.ts";
import type { HeldReadings } from "../ports.ts";
import { readingsOfSegment } from "./hub-readings.ts";
import type { Item } from "./sql-pages.ts";
import type { SqlSegments } from "./sql-segments.ts";

/** Finds sealed readings, and remembers the segments that were decoded last. */
export function rememberingFind(segments: SqlSegments): FindReadings {
  const decoded = new Map<string, readonly HeldReadings[]>();
  let readings = 0;
  const forget = (name: string): void => {
    readings -= countOf(decoded.get(name) ?? []);
    decoded.delete(name);
  };
  const readingsOf = (item: Item): readonly HeldReadings[] => {
    // A segment that has grown is another one.
    const name = `${item[0]} ${item[1].length} ${crc32c(item[1])}`;
    const known = decoded.get(name);
    const segment = known === undefined ? segments.decode(item) : null;
    const held = known ?? (segment === null ? [] : [...readingsOfSegment(segment)]);
    forget(name);
    decoded.set(name, held);
    readings += countOf(held);
    for (const oldest of decoded.keys()) {
      if (readings <= limits.segmentReadingsRememberedMax) break;
      forget(oldest);
    }
    return held;
  };
  return function* (device, range) {
    for (const item of segments.meeting(device, [range]))
      if (item !== null) yield* readingsOf(item);
  };
}

function countOf(held: readonly HeldReadings[]): number {
  return held.reduce((sum, { times }) => sum + times.length, 0);
}
