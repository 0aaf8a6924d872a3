// May a request's fields go on to an upstream? What only some servers understand, or refuse, must not
// reach one through a cache: its answer would be everybody's.

import { fieldBytesOf, type FieldList } from "../../http/fields.ts";

/** Bytes of a request's fields, and of one of them: what common servers still take. */
export const REQUEST_BOUNDS = { fieldsBytesMax: 16_384, fieldBytesMax: 8_192 } as const;

/** The bounds that a request keeps, in bytes. */
export type RequestBounds = { readonly [name in keyof typeof REQUEST_BOUNDS]: number };

/** Pass it on, or which field is why not; `field` null: all of them together. */
export type GuardDecision =
  | { readonly kind: "sound" }
  | { readonly kind: "refused"; readonly reason: "fields-too-large"; readonly field: string | null }
  | { readonly kind: "refused"; readonly reason: "control-character"; readonly field: string };

/** Decides whether a request is sound enough to be sent on. */
export function guardRequest(
  fields: FieldList,
  bounds: RequestBounds = REQUEST_BOUNDS,
): GuardDecision {
  for (const [name, value] of fields) {
    if (name.length + value.length > bounds.fieldBytesMax) {
      return { kind: "refused", reason: "fields-too-large", field: name };
    }
    // RFC 9110 §5.5: CR, LF and NUL must not be passed on, other control characters are no good either.
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      return { kind: "refused", reason: "control-character", field: name };
    }
  }
  return fieldBytesOf(fields) > bounds.fieldsBytesMax
    ? { kind: "refused", reason: "fields-too-large", field: null }
    : { kind: "sound" };
}
