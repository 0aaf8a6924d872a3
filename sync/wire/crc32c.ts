// Did the bytes survive? CRC-32C (Castagnoli, RFC 3720 B.4), table driven. It finds accidents; the
// link's seal finds attacks.

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

/**
 * Computes the CRC-32C of `bytes`; `crc32c("123456789")` is 0xe3069283.
 *
 * @param before The CRC-32C of what came before them, to go on from.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}
