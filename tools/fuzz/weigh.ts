// How much room does a value take? About what V8 gives it, so that what a decoder makes of a few
// bytes can be held against them.

const POINTER = 8;
const HEADER = 16;
const MAP_ENTRY = 40;

/** Estimates the bytes that a decoded value takes; views of the input take none. */
export function weigh(value: unknown): number {
  if (typeof value === "string") return HEADER + value.length * 2;
  if (typeof value === "bigint") return HEADER + value.toString(16).length / 2;
  if (typeof value !== "object" || value === null) return 0;
  if (value instanceof Uint8Array) return HEADER * 6;
  if (value instanceof Map) return HEADER * 4 + sum(value, MAP_ENTRY);
  if (Array.isArray(value)) return HEADER + sum(value, POINTER);
  return HEADER + sum(Object.values(value), POINTER);
}

function sum(parts: Iterable<unknown>, each: number): number {
  let bytes = 0;
  for (const part of parts) bytes += each + weigh(part);
  return bytes;
}
