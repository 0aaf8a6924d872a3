// Is a request so plain that what comes of it may come to anybody? Else its size or a field that not every
// server knows may be why it failed.

import { fieldBytesOf } from "../http/fields.ts";
import type { AskedContent } from "./asked-content.ts";
import { hasKnownFields, PLAIN_REQUEST_BYTES_MAX } from "./cache/caused-error.ts";

/** Tells whether a request's size, as it is sent on, is no reason to refuse it. */
export function isSmallRequest({
  forwarded,
  upstream,
}: Pick<AskedContent, "forwarded" | "upstream">): boolean {
  return fieldBytesOf(forwarded()) + upstream.length <= PLAIN_REQUEST_BYTES_MAX;
}

/**
 * Tells whether neither the size of a request nor its fields are a reason to refuse it.
 *
 * @param vary The names in its answer's Vary.
 */
export function isPlainRequest(
  asked: Pick<AskedContent, "forwarded" | "upstream" | "policy">,
  vary: readonly string[] = [],
): boolean {
  return isSmallRequest(asked) && hasKnownFields(asked.forwarded(), asked.policy.knownFields, vary);
}
