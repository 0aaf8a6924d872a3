// The checksum of what is sealed, of which there is far more than of frames: the CRC-32C of
// sync/wire/crc32c.ts, eight bytes at a time (Kounavis and Berry 2005). The replication core does
// without the eight tables, and stays small.

import { crc32c as crc32cOf } from "../../sync/wire/crc32c.ts";

/** Eight tables: the n-th has what a byte does that n zero bytes follow. */
const TABLES = new Int32Array(8 * 256);
for (let index = 0; index < 256; index += 1) {
  let crc = index;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  TABLES[index] = crc;
}
for (let index = 256; index < TABLES.length; index += 1) {
  const before = TABLES[index - 256] as number;
  TABLES[index] = (before >>> 8) ^ (TABLES[before & 0xff] as number);
}

/**
 * Computes the CRC-32C of `bytes`; `crc32c("123456789")` is 0xe3069283.
 *
 * @param before The CRC-32C of what came before them, to go on from.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (TABLES[1792 + (low & 0xff)] as number) ^
      (TABLES[1536 + ((low >>> 8) & 0xff)] as number) ^
      (TABLES[1280 + ((low >>> 16) & 0xff)] as number) ^
      (TABLES[1024 + (low >>> 24)] as number) ^
      (TABLES[768 + (bytes[at + 4] as number)] as number) ^
      (TABLES[512 + (bytes[at + 5] as number)] as number) ^
      (TABLES[256 + (bytes[at + 6] as number)] as number) ^
      (TABLES[bytes[at + 7] as number] as number);
  }
  return crc32cOf(bytes.subarray(at), ~crc >>> 0);
}
