// What does an edge tell of readings that it gave up but for their minutes? Items that never change,
// each of one device's hour and of entries that no other item is of: told again, one is known by name.

import { parseDeviceId, parseReplicaId, type DeviceId, type ReplicaId } from "../sync/brand.ts";
import { ByteReader, ByteWriter } from "../sync/wire/bytes.ts";

/** The minutes of one device's hour, of entries that a hub gave up together. */
export interface ThinnedItem {
  /**
   * Names the start of the hub that gave them up, as in a gap record, and the first seq of the entries.
   */
  readonly epoch: number;
  readonly seq: number;
  readonly device: DeviceId;
  /** The start of the hour of event times, epoch milliseconds. */
  readonly hourMs: number;
  /** True: of readings outside the totals, because their time lies too far ahead of their commit. */
  readonly isQuarantined: boolean;
  /** As encodeRollup() of state/rollup.ts writes it. */
  readonly body: Uint8Array;
}

/** What a hub tells at once. */
export interface ThinnedMessage {
  readonly replica: ReplicaId;
  readonly items: readonly ThinnedItem[];
}

/** Items of one message. */
export const THINNED_PER_MESSAGE_MAX = 4_096;
const VERSION = 1;
const HOUR_MS = 3_600_000;
/** The least bytes of an item. */
const ITEM_BYTES_MIN = 6;

/** Writes a message; docs/wire-format.md describes every byte. */
export function encodeThinned({ replica, items }: ThinnedMessage): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(VERSION);
  writer.text(replica);
  writer.varint(items.length);
  for (const { epoch, seq, device, hourMs, isQuarantined, body } of items) {
    writer.varint(epoch);
    writer.varint(seq);
    writer.text(device);
    writer.varint(hourMs / HOUR_MS);
    writer.byte(Number(isQuarantined));
    writer.block(body);
  }
  return writer.bytes();
}

/** Reads a message; null if it is none. What an item's body says is not looked at. */
export function decodeThinned(bytes: Uint8Array): ThinnedMessage | null {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return null;
  const replica = parseReplicaId(reader.text());
  const count = reader.count(THINNED_PER_MESSAGE_MAX, ITEM_BYTES_MIN);
  const items: ThinnedItem[] = [];
  for (let at = 0; at < count && !reader.broken; at += 1) {
    const [epoch, seq] = [reader.varint(), reader.varint()];
    const device = parseDeviceId(reader.text());
    const hourMs = reader.varint() * HOUR_MS;
    const quarantined = reader.byte();
    const body = reader.block(bytes.length);
    if (device === null || quarantined > 1 || !Number.isSafeInteger(hourMs)) return null;
    items.push({ epoch, seq, device, hourMs, isQuarantined: quarantined === 1, body });
  }
  return replica === null || reader.broken || reader.remaining > 0 ? null : { replica, items };
}
