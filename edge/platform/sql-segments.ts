// Where are the sealed readings? In pages by hour, device and first time, so that an hour of many
// small devices is a row or two, and what was late finds the segment that it belongs to.

import type { DeviceId } from "../../sync/brand.ts";
import { decodeSteps } from "../segment/decode.ts";
import { encodeSteps } from "../segment/encode.ts";
import { Gather, SEALED_READINGS_MAX } from "../segment/gather.ts";
import { INSTANTS_MAX, type Segment } from "../segment/segment.ts";
import { readZoneMap } from "../segment/zone-map.ts";
import type { HeldReadings, TimeRange } from "../ports.ts";
import { finish } from "../steps.ts";
import { readingsOfSegment } from "./hub-readings.ts";
import type { RememberedSegments } from "./hub-remembered.ts";
import { behind, type Edit, type Item, type SqlPages } from "./sql-pages.ts";

export const HOUR_MS = 3_600_000;
/** Hexadecimal digits of an hour and of a time: enough until the year 9999. */
const HOUR_DIGITS = 8;
const TIME_DIGITS = 12;
/** What finding a page costs beside the bytes that are decoded. */
const SEEK_BYTES = 4_096;

/** Names the hour of a device; "0" comes after the "/" before a segment's time. */
export function hourKey(hourMs: number, device: string): string {
  return `${(hourMs / HOUR_MS).toString(16).padStart(HOUR_DIGITS, "0")}/${device}/`;
}

export function hourOf(timeMs: number): number {
  return Math.floor(timeMs / HOUR_MS) * HOUR_MS;
}

/** Reads the hour and the device off a key. */
export function partsOf(key: string): { readonly hourMs: number; readonly device: DeviceId } {
  const [hour = "0", device = ""] = key.split("/");
  return { hourMs: parseInt(hour, 16) * HOUR_MS, device: device as DeviceId };
}

/** The sealed readings of one hub. */
export class SqlSegments {
  readonly pages: SqlPages;
  readonly #onDamage: (what: string) => void;

  constructor(pages: SqlPages, onDamage: (what: string) => void) {
    this.pages = pages;
    this.#onDamage = onDamage;
  }

  /** What is sealed of a device with times in one of the ranges, which ascend; until `bytesMax`. */
  *held(device: DeviceId, ranges: readonly TimeRange[], bytesMax: number): Iterable<HeldReadings> {
    let bytes = 0;
    for (const item of this.meeting(device, ranges)) {
      bytes += item === null ? SEEK_BYTES : item[1].length;
      if (item !== null) {
        const segment = this.decode(item);
        if (segment !== null) yield* readingsOfSegment(segment);
      }
      if (bytes > bytesMax) return;
    }
  }

  /** Notes that a segment is broken. */
  noteBroken(key: string): void {
    this.#onDamage(`segment ${key}`);
    this.pages.noteDamage(key, behind(key));
  }

  /** The segments that meet the ranges, each once; null for each look at an hour without one. */
  *meeting(device: DeviceId, ranges: readonly TimeRange[]): Iterable<Item | null> {
    /** Behind what was given last: a segment that met no range yet may meet a later one. */
    let given = "";
    for (const [firstMs, lastMs] of ranges) {
      let from = given;
      let hourMs = hourOf(firstMs);
      while (hourMs <= lastMs) {
        const prefix = hourKey(hourMs, device);
        const item = this.pages.seek(prefix > from ? prefix : from);
        if (item === null) break;
        if (item[0].startsWith(prefix)) {
          from = `${item[0]}0`;
          const isMet = meets(item[1], firstMs, lastMs);
          if (isMet) given = from;
          yield isMet ? item : null;
          continue;
        }
        yield null;
        // Whole hours of nobody are stepped over.
        hourMs = Math.max(hourMs + HOUR_MS, partsOf(item[0]).hourMs);
      }
    }
  }

  /**
   * Joins readings of a device's hour with what is sealed near them, and tells what to write, by key,
   * a segment at a time; a number is how many readings a step took.
   *
   * @param remembered What was written of late, and what this writes.
   */
  *merge(key: string, gather: Gather, remembered: RememberedSegments): Iterable<Edit | number> {
    const gone = new Set<string>();
    const merged = new Gather();
    const start = this.pages.floor(`${key}${timeDigits(gather.firstMs)}`)?.[0] ?? key;
    for (const item of this.pages.range(start, `${key}${timeDigits(gather.lastMs)}0`)) {
      const segment =
        item[0] >= key && isNear(item[1], gather) ? this.decode(item, remembered) : null;
      if (segment === null) continue;
      merged.addSegment(segment);
      gone.add(item[0]);
    }
    if (gone.size > 0) merged.addAll(gather);
    yield* editsOf(key, gone, gone.size > 0 ? merged : gather, remembered);
  }

  /** Takes the readings with these stamps out of a device's hour, and tells what to write, by key. */
  without(key: string, stamps: ReadonlySet<number>): Edit[] {
    const gone = new Set<string>();
    const gather = new Gather();
    for (const item of this.pages.range(key, `${key}~`)) {
      const segment = this.decode(item);
      if (segment === null) continue;
      gather.addSegment(segment, stamps);
      gone.add(item[0]);
    }
    return [...editsOf(key, gone, gather, null)].filter((step) => typeof step !== "number");
  }

  /** Decodes a segment, unless it is remembered; null if it is broken. */
  decode(item: Item, remembered: RememberedSegments | null = null): Segment | null {
    return finish(this.#decodeSteps(item, remembered));
  }

  *#decodeSteps(
    [key, bytes]: Item,
    remembered: RememberedSegments | null,
  ): Generator<number, Segment | null> {
    const known = remembered?.get(bytes) ?? null;
    if (known !== null) return known;
    const segment = yield* decodeSteps(bytes);
    if (segment.ok) remembered?.add(bytes, segment.value);
    else this.noteBroken(key);
    return segment.ok ? segment.value : null;
  }
}

/** What is gone stood in one run of times with what comes, so in order of keys the two alternate. */
function* editsOf(
  key: string,
  gone: Set<string>,
  gather: Gather,
  remembered: RememberedSegments | null,
): Iterable<Edit | number> {
  const left = [...gone].toSorted();
  for (const segment of gather.segments()) {
    const at = `${key}${timeDigits(segment.times[0] ?? 0)}`;
    while (left[0] !== undefined && left[0] < at) yield [left.shift() as string, null];
    if (left[0] === at) left.shift();
    const bytes = yield* encodeSteps(segment);
    remembered?.add(bytes, segment);
    yield [at, bytes];
  }
  for (const each of left) yield [each, null];
}

/** Tells whether readings belong into a segment: it spans some, or ends before and has much room. */
function isNear(bytes: Uint8Array, { firstMs, lastMs }: Gather): boolean {
  const zone = readZoneMap(bytes);
  if (!zone.ok) return true;
  const { value } = zone;
  if (value.lastMs >= firstMs) return value.firstMs <= lastMs;
  return value.instants < INSTANTS_MAX / 2 && value.readings < SEALED_READINGS_MAX / 2;
}

/** Writes a time as it stands in a key. */
export function timeDigits(timeMs: number): string {
  return timeMs.toString(16).padStart(TIME_DIGITS, "0");
}

function meets(bytes: Uint8Array, firstMs: number, lastMs: number): boolean {
  const zone = readZoneMap(bytes);
  return !zone.ok || (zone.value.lastMs >= firstMs && zone.value.firstMs <= lastMs);
}
