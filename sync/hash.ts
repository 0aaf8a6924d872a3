// Which logical shard does a device belong to? The same everywhere, so a range of shards can move.

/** Logical shards of a deployment; hubs and origin objects serve ranges of them. */
export const SHARD_COUNT = 256;

/**
 * Hashes text with 32-bit FNV-1a over its UTF-16 code units (ids are ASCII).
 *
 * @param before The hash of the text before this one, if it goes on.
 */
export function fnv1a32(text: string, before = 0x811c9dc5): number {
  let hash = before;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** Names the shard of a device: `fnv1a32(device) mod 256`. */
export function shardOf(device: string): number {
  return fnv1a32(device) % SHARD_COUNT;
}

/**
 * Names the range of shards that holds `shard` when `parts` objects share all of them.
 *
 * @param parts A power of two from 1 to 256.
 * @returns First and last shard in hexadecimal, for example `00-ff` or `40-7f`.
 */
export function rangeOf(shard: number, parts: number): string {
  const size = SHARD_COUNT / parts;
  const first = Math.floor(shard / size) * size;
  return `${hex2(first)}-${hex2(first + size - 1)}`;
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, "0");
}
