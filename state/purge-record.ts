// What is remembered of a purge, as it is replicated: a text under WRITER/PLACE.

/** Purges that are remembered of each writer. */
export const PURGES_REMEMBERED = 128;
/** Characters of a record. */
const RECORD_CHARS_MAX = 2_000;

/** One purge as it is remembered. */
export interface PurgeRecord {
  readonly writer: string;
  readonly seq: number;
  readonly atMs: number;
  /** The operator's name, or `upstream` or `publish`. */
  readonly by: string;
  readonly scopes: readonly string[];
  /** Scopes that are not named. */
  readonly more: number;
}

/** Why a region may not write a record; null: it may. Those of others it may hand back. */
export function refusalOfRecord(key: string, value: unknown): string | null {
  const place = /^[a-z0-9-]{1,32}\/(0|[1-9]\d{0,2})$/.exec(key)?.[1];
  if (place === undefined || Number(place) >= PURGES_REMEMBERED) return "not-a-record";
  if (typeof value === "string" && value.length > RECORD_CHARS_MAX) return "too-long";
  return value === null || parseRecord(key, value) !== null ? null : "not-a-record";
}

/** Reads a record; null if it is none. */
export function parseRecord(key: string, text: unknown): PurgeRecord | null {
  if (typeof text !== "string") return null;
  try {
    const [seq, atMs, by, more, ...scopes] = JSON.parse(text) as unknown[];
    const isRight =
      typeof seq === "number" &&
      typeof atMs === "number" &&
      Math.abs(atMs) < 8.64e15 &&
      typeof by === "string" &&
      typeof more === "number" &&
      scopes.every((scope) => typeof scope === "string");
    if (!isRight) return null;
    return { writer: key.slice(0, key.lastIndexOf("/")), seq, atMs, by, more, scopes };
  } catch {
    return null;
  }
}
