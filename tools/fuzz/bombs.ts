// Which few bytes would take the most room? Keys that share almost everything, columns in which every
// time has a bit, values that are nothing: what the bound of room a byte is measured by.

import { crc32c } from "../../sync/wire/crc32c.ts";
import { ByteWriter } from "../../sync/wire/bytes.ts";
import type { Sample } from "./corpus.ts";

const NONE = {
  dictionary: [],
  kind: 7,
  way: "up",
  count: 0,
  end: "hub",
  isRefused: false,
} as const;
const KEYS = 900;
const TIMES = 1_000;
const COLUMNS = 10;
const VALUES = 1_500;

/** Gives them as samples. */
export function bombs(): Sample[] {
  return [
    { ...NONE, decoder: "up", bytes: longKeys() },
    { ...NONE, decoder: "batches", bytes: wideColumns() },
    { ...NONE, decoder: "group", count: VALUES, bytes: new Uint8Array(VALUES * 2) },
  ];
}

/** An up-frame whose keys share all but their last byte. */
function longKeys(): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(Uint8Array.of(0x53, 1, 1, 4));
  // Link, floor, head, sent, from, to, ack, base.
  writer.raw(Uint8Array.of(5, 1, 9, 5, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  writer.varint(KEYS);
  for (let i = 0; i < KEYS; i += 1) {
    writer.varint(i === 0 ? 0 : 255);
    writer.text(i === 0 ? "k".repeat(256) : String.fromCharCode(32 + (i % 90)));
  }
  writer.varint(0);
  writer.uint32(crc32c(writer.bytes()));
  return writer.bytes();
}

/** A batch whose columns are booleans at every time. */
function wideColumns(): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(Uint8Array.of(1, 0));
  writer.text("boat-1");
  writer.raw(new Uint8Array(9));
  writer.varint(TIMES);
  writer.zigzag(1);
  for (let i = 1; i < TIMES; i += 1) writer.zigzag(i <= 2 ? 2 - i : 0);
  writer.varint(COLUMNS);
  for (let i = 0; i < COLUMNS; i += 1) {
    writer.text(String.fromCharCode(97 + i));
    writer.raw(Uint8Array.of(0, 2));
    writer.raw(new Uint8Array(TIMES / 8));
  }
  return writer.bytes();
}
