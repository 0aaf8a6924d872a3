// Which bytes does a request ask for, and which does a response hold? (RFC 9110 §14.)

/** One byte range as asked for; several are answered whole (RFC 9110 §14.2 lets a server ignore Range). */
export type RangeSpec =
  | { readonly kind: "none"; readonly reason: "absent" | "other-unit" | "several" | "malformed" }
  | { readonly kind: "from"; readonly first: number; readonly last: number | null }
  | { readonly kind: "suffix"; readonly length: number };

/** First and last byte, both inclusive, of `complete` bytes; null: how many there are is not known. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly complete: number | null;
}

/** Parses Range: one range of bytes, or why it is not one. */
export function parseRange(field: string | null): RangeSpec {
  if (field === null) return { kind: "none", reason: "absent" };
  const [unit = "", set = ""] = splitOnce(field.trim());
  if (unit.toLowerCase() !== "bytes") return { kind: "none", reason: "other-unit" };
  if (set.includes(",")) return { kind: "none", reason: "several" };
  const parts = /^([0-9]{0,15})-([0-9]{0,15})$/.exec(set.trim());
  const [first, last] = (parts?.slice(1) ?? []).map((text) => (text === "" ? null : Number(text)));
  return specOf(first ?? null, last ?? null);
}

function specOf(first: number | null, last: number | null): RangeSpec {
  if (first !== null) {
    return last !== null && last < first
      ? { kind: "none", reason: "malformed" }
      : { kind: "from", first, last };
  }
  return last === null ? { kind: "none", reason: "malformed" } : { kind: "suffix", length: last };
}

/** Parses the Content-Range of a 206; null if it is not a satisfied range of bytes. */
export function parseContentRange(field: string | null): ContentRange | null {
  const parts = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/i.exec(field?.trim() ?? "");
  if (parts === null) return null;
  const [first, last] = [Number(parts[1]), Number(parts[2])];
  const complete = parts[3] === "*" ? null : Number(parts[3]);
  return last < first || (complete !== null && complete <= last) ? null : { first, last, complete };
}

/** Formats Content-Range for what is sent. */
export function formatContentRange({ first, last, complete }: ContentRange): string {
  return `bytes ${first}-${last}/${complete ?? "*"}`;
}

/**
 * Finds the asked bytes in what is held.
 *
 * @param held    Where the held bytes lie in the representation.
 * @param length  How many bytes are held.
 * @returns Offsets into the held bytes, both inclusive; `unsatisfiable` if the whole representation
 *          has no such byte; `elsewhere` if it may have, but not here.
 */
export function locateRange(
  spec: Exclude<RangeSpec, { kind: "none" }>,
  held: ContentRange,
  length: number,
): { readonly from: number; readonly to: number } | "unsatisfiable" | "elsewhere" {
  const isAtEnd = held.complete !== null && held.last === held.complete - 1;
  return spec.kind === "suffix"
    ? locateSuffix(spec.length, length, isAtEnd, isAtEnd && held.first === 0)
    : locateFrom(spec, held, length, isAtEnd);
}

type Located = ReturnType<typeof locateRange>;

function locateSuffix(asked: number, length: number, isAtEnd: boolean, isWhole: boolean): Located {
  if (asked === 0 || length === 0) return isWhole ? "unsatisfiable" : "elsewhere";
  if (!isAtEnd || (asked > length && !isWhole)) return "elsewhere";
  return { from: Math.max(0, length - asked), to: length - 1 };
}

function locateFrom(
  spec: Extract<RangeSpec, { kind: "from" }>,
  held: ContentRange,
  length: number,
  isAtEnd: boolean,
): Located {
  if (held.complete !== null && spec.first >= held.complete) return "unsatisfiable";
  const from = spec.first - held.first;
  const to = spec.last === null ? Infinity : spec.last - held.first;
  if (from < 0 || from >= length || (to >= length && !isAtEnd)) return "elsewhere";
  return { from, to: Math.min(to, length - 1) };
}

function splitOnce(text: string): readonly string[] {
  const at = text.indexOf("=");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
