// Do all hold what they should? A system that ends anywhere else has failed, however small it is.

/** Throws unless a replica holds exactly this. */
export function assertSame<T>(found: ReadonlyMap<string, T>, wanted: ReadonlyMap<string, T>): void {
  if (found.size !== wanted.size)
    throw new Error(`A replica holds ${found.size} keys and not ${wanted.size}`);
  for (const [key, value] of wanted)
    if (!isSame(found.get(key), value))
      throw new Error(
        `A replica holds ${String(found.get(key))} as ${key} and not ${String(value)}`,
      );
}

/** Compares values, and lists of them. */
function isSame(left: unknown, right: unknown): boolean {
  if (!Array.isArray(left) || !Array.isArray(right)) return Object.is(left, right);
  return left.length === right.length && left.every((each, i) => Object.is(each, right[i]));
}

/**
 * Throws unless what was agreed on is, key by key, one of the values that were written since, or, where
 * nothing was, the one before.
 */
export function assertChosen(
  agreed: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
  written: ReadonlyMap<string, readonly number[]>,
): void {
  if (agreed.size !== before.size)
    throw new Error(`${agreed.size} fields are held, not ${before.size}`);
  for (const [key, value] of agreed) {
    const candidates = written.get(key) ?? [before.get(key)];
    if (!candidates.includes(value))
      throw new Error(`${key} is ${value}, not one of ${candidates.join(", ")}`);
  }
}

/** Throws unless the members are exactly these. */
export function assertMembers(found: ReadonlySet<string>, wanted: ReadonlySet<string>): void {
  if (found.size !== wanted.size)
    throw new Error(`A replica holds ${found.size} members and not ${wanted.size}`);
  for (const id of wanted) if (!found.has(id)) throw new Error(`A replica does not hold ${id}`);
}
