// What do the segments say that were sealed of late? While a journal is sealed and packed, what was
// encoded or decoded a moment ago is not decoded again.

import type { FindReadings } from "../journal/packed-body.ts";
import { limits } from "../limits.ts";
import type { Segment } from "../segment/segment.ts";
import { readingsOfSegment } from "./hub-readings.ts";
import type { SqlSegments } from "./sql-segments.ts";

/** Segments by their very bytes: those of a page that is read anew are others. */
export class RememberedSegments {
  /** Least recently used first. */
  readonly #segments = new Map<Uint8Array, Segment>();
  #readings = 0;

  get(bytes: Uint8Array): Segment | null {
    const segment = this.#segments.get(bytes);
    if (segment === undefined) return null;
    this.#segments.delete(bytes);
    this.#segments.set(bytes, segment);
    return segment;
  }

  add(bytes: Uint8Array, segment: Segment): void {
    this.#segments.set(bytes, segment);
    this.#readings += countOf(segment);
    for (const [oldest, old] of this.#segments) {
      if (this.#readings <= limits.segmentReadingsRememberedMax) break;
      this.#segments.delete(oldest);
      this.#readings -= countOf(old);
    }
  }
}

/** Finds sealed readings; what is remembered is not decoded. */
export function rememberingFind(
  segments: SqlSegments,
  remembered: RememberedSegments,
): FindReadings {
  return function* (device, range) {
    for (const item of segments.meeting(device, [range])) {
      const segment = item === null ? null : segments.decode(item, remembered);
      if (segment !== null) yield* readingsOfSegment(segment);
    }
  };
}

function countOf({ columns }: Segment): number {
  return columns.reduce((sum, { rows }) => sum + rows.length, 0);
}
