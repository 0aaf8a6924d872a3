// Which request fields select a response, and when are two values of one the same? (RFC 9110 §12.5.5,
// RFC 9111 §4.1.) Normalised values are compared, so that spelling makes no variants of its own.

/** What Vary says; `any`: no request selects this response a second time. */
export type VaryField =
  | { readonly kind: "any"; readonly reason: "star" | "malformed" }
  | { readonly kind: "names"; readonly names: readonly string[] };

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Parses the joined lines of Vary: names in lower case, sorted, each once. */
export function parseVary(field: string | null): VaryField {
  const names = (field ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  if (names.includes("*")) return { kind: "any", reason: "star" };
  if (!names.every((name) => TOKEN.test(name))) return { kind: "any", reason: "malformed" };
  return { kind: "names", names: [...new Set(names)].toSorted() };
}

/** Content codings that make a difference; others are not asked for. */
const CODINGS = ["br", "gzip", "zstd"];

/**
 * Normalises a request field that a response varies by; null: the request does not have it.
 *
 * Accept-Encoding becomes the known codings that are accepted. Accept-Language loses its case, and
 * with `isSorted` its order. Of others only the space around commas goes.
 */
export function normaliseSelecting(
  name: string,
  value: string | null,
  isSorted: boolean,
): string | null {
  if (name === "accept-encoding") return acceptedCodings(value);
  if (value === null) return null;
  const members = value.split(",").map((member) => member.trim());
  if (name !== "accept-language") return members.join(", ");
  const languages = members.map((member) => member.toLowerCase().replace(/\s+/g, ""));
  return (isSorted ? byWeight(languages) : languages).join(", ");
}

/** The known codings that a request accepts, "identity" if none; both key and upstream field. */
export function acceptedCodings(field: string | null): string {
  const weights = new Map((field ?? "").split(",").map(weighted));
  const accepted = CODINGS.filter((coding) => (weights.get(coding) ?? weights.get("*") ?? 0) > 0);
  return accepted.length === 0 ? "identity" : accepted.join(", ");
}

/** The languages that a request prefers most: those with its highest weight. */
export function preferredLanguages(field: string | null): readonly string[] {
  const weights = (field ?? "")
    .split(",")
    .map(weighted)
    .filter(([name]) => name !== "");
  const most = Math.max(0, ...weights.map(([, weight]) => weight));
  return most === 0 ? [] : weights.filter(([, weight]) => weight === most).map(([name]) => name);
}

function byWeight(members: readonly string[]): readonly string[] {
  const weights = members.map(weighted);
  return weights
    .toSorted(([a, p], [b, q]) => q - p || (a < b ? -1 : 1))
    .map(([name, weight]) => (weight === 1 ? name : `${name};q=${weight}`));
}

/** RFC 9110 §12.4.2: a weight from 0 to 1, 1 if none is given; one that cannot be read counts as 0. */
function weighted(member: string): readonly [name: string, weight: number] {
  const [name = "", ...parameters] = member.split(";").map((part) => part.trim().toLowerCase());
  const given = parameters.find((parameter) => parameter.startsWith("q="));
  if (given === undefined) return [name, 1];
  const weight = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(given.slice(2));
  return [name, weight ? Number(given.slice(2)) : 0];
}
