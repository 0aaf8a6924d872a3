// What number does something have that nobody can choose who does not know the key? HalfSipHash-2-4 of
// 64 bits (Aumasson, Bernstein; github.com/veorq/SipHash), which is made for words of 32 bits.

/** A key, or a hash: two words of 32 bits. */
export type Words = readonly [number, number];

/** Rounds behind each word, and behind the last, twice. */
const ROUNDS = 2;
const LAST_ROUNDS = 4;

/** Hashes `length` bytes under a key into `hash`. */
export function sipHash(
  [k0, k1]: Words,
  bytes: Uint8Array,
  length: number,
  hash: Int32Array,
): void {
  let v0 = k0 | 0;
  let v1 = k1 ^ 0xee;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  const words = length >>> 2;
  // Behind the words what is left of them, with the length; then two ends.
  for (let at = 0; at <= words + 2; at += 1) {
    const word = at <= words ? wordAt(bytes, at * 4, length) : 0;
    if (at === words + 1) v2 ^= 0xee;
    if (at === words + 2) v1 ^= 0xdd;
    v3 ^= word;
    for (let round = at <= words ? ROUNDS : LAST_ROUNDS; round > 0; round -= 1) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
    if (at > words) hash[at - words - 1] = v1 ^ v3;
  }
}

/** Four bytes, lowest first; the last of them is the length. */
function wordAt(bytes: Uint8Array, at: number, length: number): number {
  let word = length << 24;
  if (at + 3 < length) word = (bytes[at + 3] as number) << 24;
  if (at + 2 < length) word |= (bytes[at + 2] as number) << 16;
  if (at + 1 < length) word |= (bytes[at + 1] as number) << 8;
  return at < length ? word | (bytes[at] as number) : word;
}
