// What happens when an invariant of our own does not hold? The object that holds the state throws,
// drops its memory and reloads from storage. Never used for input.

/** Thrown when the program itself is wrong; never for anything a request or a frame contains. */
export class InvariantError extends Error {}

/** Throws InvariantError unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
