// What names a batch that has neither times nor a name? Its body: for ten minutes the same body is
// the same batch, sent again; later it is another one that looks like it.

import { limits } from "../limits.ts";

const MINUTE_MS = 60_000;

/**
 * Names a body by its hash and the minute in which it was first seen.
 *
 * @param keys What the hub remembers of the device's keys, with what it was told under them.
 */
export function bodyKey(
  hash: string,
  keys: readonly (readonly [string, unknown])[],
  nowMs: number,
): string {
  const prefix = `body:${hash}:`;
  const now = Math.floor(nowMs / MINUTE_MS);
  const held = keys.findLast(([key]) => {
    const isSame = key.startsWith(prefix);
    return isSame && Math.abs(now - Number(key.slice(prefix.length))) < limits.bodyKeyMinutes;
  });
  return held?.[0] ?? `${prefix}${now}`;
}
