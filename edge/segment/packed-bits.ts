// How are bits packed, eight a byte? The first one lowest, the last byte filled with zeros.

/** Packs bits, each 0 or 1. */
export function packBits(bits: Uint8Array): Uint8Array {
  const packed = new Uint8Array((bits.length + 7) >> 3);
  for (let at = 0; at < bits.length; at += 1)
    packed[at >> 3] = (packed[at >> 3] as number) | ((bits[at] as number) << (at & 7));
  return packed;
}

/** Unpacks `count` bits; those that are not there are 0. */
export function unpackBits(packed: Uint8Array, count: number): Uint8Array {
  const bits = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) bits[at] = ((packed[at >> 3] ?? 0) >> (at & 7)) & 1;
  return bits;
}
