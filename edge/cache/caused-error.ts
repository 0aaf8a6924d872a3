// May an error be kept that the request itself may have caused? An odd field or target that only the
// upstream refuses must not take a page away from everybody else who asks for it.

/** Errors that say something about how the request was made (RFC 9110 §15.5, RFC 6585, RFC 8470). */
const ABOUT_THE_REQUEST: ReadonlySet<number> = new Set([
  400, 405, 406, 411, 412, 413, 414, 415, 416, 417, 421, 422, 425, 426, 428, 431, 501, 505,
]);
/** Of those, what an upstream also says to any request for such a target. */
const ABOUT_THE_TARGET: ReadonlySet<number> = new Set([400, 405, 414, 501]);
/** Bytes of fields and target of a request that is so plain that its size is no reason to refuse it. */
export const PLAIN_REQUEST_BYTES_MAX = 3_072;
/** However long the upstream says: what else may have been odd is not known. */
export const CAUSED_ERROR_S_MAX = 10;

/** What an error says about the request that it answers; null: nothing. */
export type CausedError = "of-this-request" | "of-plain-requests" | null;

/**
 * Decides who else an error may concern.
 *
 * @param isPlain  The request is small, so that its size is no reason to refuse it.
 */
export function decideCausedError(status: number, isPlain: boolean): CausedError {
  if (!ABOUT_THE_REQUEST.has(status)) return null;
  return isPlain && ABOUT_THE_TARGET.has(status) ? "of-plain-requests" : "of-this-request";
}
