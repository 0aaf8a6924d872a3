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

/**
 * Stands for "any of the frameworks' fields", which a page that came without has none of; no Vary can
 * name it.
 */
const FRAMEWORK = "framework fields";

/** Stands for "a part of the representation", which only a request for a part may be answered with. */
const PART = "range";

/**
 * Fields by which frameworks ask for another representation of a page, and often forget to say so in
 * Vary: whoever sends one gets what came to the same.
 */
export const FRAMEWORK_FIELDS: readonly string[] = [
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
  return new SelectingLines(request, policy);
}

/** Every hit makes one, so that it has no functions of its own. */
class SelectingLines implements FieldLines {
  readonly #request: FieldLines;
  readonly #policy: CachePolicy;

  constructor(request: FieldLines, policy: CachePolicy) {
    this.#request = request;
    this.#policy = policy;
  }

  get(name: string): string | null {
    if (name === PART) return this.#request.has(PART) ? "part" : null;
    if (name === FRAMEWORK) return this.#isOfFramework() ? "sent" : null;
    return normaliseSelecting(name, this.#request.get(name), this.#policy.ranksLanguages);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  #isOfFramework(): boolean {
    for (const name of FRAMEWORK_FIELDS) if (this.#request.has(name)) return true;
    return false;
  }
}

/** The same as plain data, for a store that is behind a call. */
export function selectingList(
  fields: FieldList,
  request: FieldLines,
  policy: CachePolicy,
): FieldList {
  const lines = selectingLines(request, policy);
  const names = new Set([...fields.map(([name]) => name), "accept-encoding", FRAMEWORK]);
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
  const names = selectingNames(vary.names, fields, selecting, isPart);
  if (names.size > namesMax) return { kind: "none", reason: "vary" };
  // Of all, this one is not the response's own, and counts for none.
  if (!selecting.has(FRAMEWORK) && isPage(fields)) names.add(FRAMEWORK);
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

/** The fields that select a response: those of its Vary, and those that it should have named there. */
function selectingNames(
  vary: readonly string[],
  response: FieldLines,
  selecting: FieldLines,
  isPart: boolean,
): Set<string> {
  const names = new Set(vary);
  if (response.has("content-encoding")) names.add("accept-encoding");
  if (isPart) names.add(PART);
  // Who may read it was decided for the Origin that asked, or for none, as long as it is not everybody.
  const allowed = response.get("access-control-allow-origin");
  if (allowed !== null && allowed.trim() !== "*") names.add("origin");
  for (const name of FRAMEWORK_FIELDS) if (selecting.has(name)) names.add(name);
  return names;
}

/** Tells whether frameworks may have parts of what a response has whole; without a type it may be HTML. */
function isPage(response: FieldLines): boolean {
  const type = response.get("content-type") ?? "text/html";
  return /^\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;|$)/i.test(type);
}

/** Tells whether a variant answers a request. */
export function isSelected(variant: Variant, selecting: FieldLines): boolean {
  for (const [name, value, language] of variant) {
    const asked = selecting.get(name);
    const isSame = asked === value || (language !== undefined && isPreferred(asked, language));
    if (!isSame) return false;
  }
  return true;
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
