// What does a person at the device's terminal read? One line an event.

import { nameOf, readingsOf } from "./skerry-device/batch.ts";
import type { DeviceEvent } from "./skerry-device/device.ts";

/** The end of the program, with what stays in the buffer. */
export interface EndEvent {
  readonly event: "ended";
  readonly batches: number;
  readonly readings: number;
  readonly refused: number;
}

/** Writes an event as a line. */
export function formatEvent(event: DeviceEvent | EndEvent, at: Date): string {
  return `${at.toISOString().slice(11, 23)} ${sentenceOf(event)}`;
}

function sentenceOf(event: DeviceEvent | EndEvent): string {
  switch (event.event) {
    case "opened":
      return `opened: boot ${event.boot}, ${event.waiting} readings wait${damageOf(event)}`;
    case "kept":
      return `kept ${nameOf(event.batch)}: ${readingsOf(event.batch)} readings`;
    case "refused":
      return `REFUSED ${event.readings} readings: the buffer is full (${event.total} in all)`;
    case "sent":
      return `sent ${event.name} to ${event.region}: ${event.accepted} new, ${event.duplicates} known`;
    case "again":
      return `${event.name} waits: ${event.edge}: ${event.why}`;
    case "renamed":
      return `renamed ${event.name} to ${event.to}: ${event.why}`;
    case "split":
      return `split ${event.name}: ${event.why}`;
    case "set-aside":
      return asideOf(event);
    case "ended":
      return `ended: ${event.readings} readings in ${event.batches} batches wait, ${event.refused} were refused`;
  }
}

function damageOf({ tornBytes, damagedLines }: Extract<DeviceEvent, { event: "opened" }>): string {
  const torn = tornBytes > 0 ? `; cut off a torn end of ${tornBytes} bytes` : "";
  const damaged = damagedLines > 0 ? `; ${damagedLines} DAMAGED lines were passed over` : "";
  return torn + damaged;
}

function asideOf(event: Extract<DeviceEvent, { event: "set-aside" }>): string {
  const where = event.isWritten ? `see ${event.file}` : `${event.file} has no room`;
  return `SET ASIDE ${event.readings} readings of ${event.name}: ${event.why} (${where})`;
}
