// Which of the responses under one key may answer a request? The one whose selecting fields have the
// values of the request that brought it (RFC 9111 §4.1).

import { linesOf, isFieldValue, type FieldLines, type FieldList } from "../../http/fields.ts";
import { normaliseSelecting, parseVary, preferredLanguages } from "../../http/vary.ts";
import type { CachePolicy } from "./cache-policy.ts";

/**
 * The selecting fields of a stored response and their normalised values; null: not sent. `language`
 * is the response's own, which suits whoever prefers it.
 */
export type Variant = readonly (readonly [name: string, value: string | null, language?: string])[];

/** The variant of whatever answers any request. */
export const ANY_REQUEST: Variant = [];

/** Stands for "a part of the representation", which only a request for a part may be answered with. */
const PART = "range";

/**
 * Fields by which frameworks ask for another representation of a page, and often forget to say so in
 * Vary: whoever sends one gets what came to the same.
 */
const FRAMEWORK_FIELDS = [
  "hx-request",
  "next-router-prefetch",
  "next-router-segment-prefetch",
  "next-router-state-tree",
  "next-url",
  "rsc",
  "turbo-frame",
  "x-inertia",
  "x-pjax",
  "x-requested-with",
];

/** The variant of a response, or why none may be stored. */
export type VariantDecision =
  | { readonly kind: "variant"; readonly variant: Variant }
  | { readonly kind: "none"; readonly reason: "vary" | "vary-star" | "vary-undecodable" };

/** A request's fields as variants are matched with: normalised, `range` only telling that it is there. */
export function selectingLines(request: FieldLines, policy: CachePolicy): FieldLines {
  const get = (name: string): string | null =>
    name === PART
      ? request.has(PART)
        ? "part"
        : null
      : normaliseSelecting(name, request.get(name), policy.ranksLanguages);
  return { get, has: (name) => get(name) !== null };
}

/** The same as plain data, for a store that is behind a call. */
export function selectingList(
  fields: FieldList,
  request: FieldLines,
  policy: CachePolicy,
): FieldList {
  const lines = selectingLines(request, policy);
  const names = new Set([...fields.map(([name]) => name), "accept-encoding"]);
  return [...names].flatMap((name) => {
    const value = lines.get(name);
    return value === null ? [] : [[name, value] as const];
  });
}

/**
 * Decides by what a response is selected.
 *
 * A response with a Content-Encoding is selected by Accept-Encoding also if it does not say so, because
 * another client could not read it.
 *
 * @param selecting  From `selectingLines`.
 */
export function decideVariant(
  response: FieldList,
  selecting: FieldLines,
  isPart: boolean,
  policy: CachePolicy,
  namesMax: number,
): VariantDecision {
  const fields = linesOf(response);
  const vary = parseVary(fields.get("vary"));
  if (policy.isPublished) {
    return fields.has("vary")
      ? { kind: "none", reason: "vary" }
      : { kind: "variant", variant: ANY_REQUEST };
  }
  if (vary.kind === "any") return { kind: "none", reason: "vary-star" };
  const names = new Set(vary.names);
  if (fields.has("content-encoding")) names.add("accept-encoding");
  if (isPart) names.add(PART);
  for (const name of FRAMEWORK_FIELDS) if (selecting.has(name)) names.add(name);
  if (names.size > namesMax) return { kind: "none", reason: "vary" };
  const language = policy.ranksLanguages ? fields.get("content-language") : null;
  const variant = [...names].toSorted().map((name) => {
    const value = selecting.get(name);
    if (name !== "accept-language" || language === null) return [name, value] as const;
    return [name, value, language.trim().toLowerCase()] as const;
  });
  // Two values that the runtime could not decode look the same, and are not.
  const isDecodable = variant.every(([, value]) => value === null || isFieldValue(value));
  return isDecodable ? { kind: "variant", variant } : { kind: "none", reason: "vary-undecodable" };
}

/** Tells whether a variant answers a request. */
export function isSelected(variant: Variant, selecting: FieldLines): boolean {
  return variant.every(([name, value, language]) => {
    const asked = selecting.get(name);
    return asked === value || (language !== undefined && isPreferred(asked, language));
  });
}

/** RFC 9111 §4.1 lets a cache know what a field means: one language is preferred to all others. */
function isPreferred(acceptLanguage: string | null, language: string): boolean {
  const preferred = preferredLanguages(acceptLanguage);
  return preferred.length === 1 && preferred[0] === language;
}

/** A variant's name in a store. */
export function variantId(variant: Variant): string {
  return variant.length === 0 ? "" : JSON.stringify(variant);
}

/** The inverse of `variantId`. */
export function parseVariantId(id: string): Variant {
  return id === "" ? ANY_REQUEST : (JSON.parse(id) as Variant);
}
