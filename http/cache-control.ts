// What does a Cache-Control field say? (RFC 9111 §5.2.) Reads conservatively: whatever cannot be
// read is reported as such, so that a decision can take the safe side (RFC 9111 §4.2.1).

/** The directives of all Cache-Control lines of a message. */
export interface CacheControl {
  /** Name in lower case to the arguments given, in order; null for a directive without one. */
  readonly directives: ReadonlyMap<string, readonly (string | null)[]>;
  /** A quoted string does not end, so what follows it may hide a directive. */
  readonly isMalformed: boolean;
}

/** The argument of a delta-seconds directive (RFC 9111 §1.2.2). */
export type DeltaSeconds =
  | { readonly kind: "absent" }
  | { readonly kind: "seconds"; readonly seconds: number }
  | { readonly kind: "invalid"; readonly reason: "repeated" | "unparsable" };

/** RFC 9111 §1.2.2: a value too large to represent counts as 2^31. */
const DELTA_SECONDS_MAX = 2 ** 31;
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Parses the joined lines of a Cache-Control field; null (no field) is an empty one. */
export function parseCacheControl(field: string | null): CacheControl {
  const { members, isMalformed } = splitList(field ?? "");
  const directives = new Map<string, (string | null)[]>();
  for (const member of members) {
    if (member === "") continue;
    const equals = member.indexOf("=");
    const given = (equals < 0 ? member : member.slice(0, equals)).toLowerCase();
    const name = given.trim();
    // A space before "=" is no directive by the grammar; the name still counts, its argument does
    // not, so that `max-age =60` reads as a lifetime that nobody understands.
    const argument = equals < 0 ? null : TOKEN.test(given) ? unquote(member.slice(equals + 1)) : "";
    const known = directives.get(name);
    if (known === undefined) directives.set(name, [argument]);
    else known.push(argument);
  }
  return { directives, isMalformed };
}

/** Tells whether a directive is there, with or without an argument. */
export function hasDirective(control: CacheControl, name: string): boolean {
  return control.directives.has(name);
}

/**
 * Reads a delta-seconds directive; an unparsable one is `invalid`.
 *
 * @param isFirstTaken  Of a repeated one the first counts; otherwise it is `invalid` (RFC 9111 §4.2.1
 *                      allows both).
 */
export function deltaSecondsOf(
  control: CacheControl,
  name: string,
  isFirstTaken: boolean = false,
): DeltaSeconds {
  const given = control.directives.get(name);
  if (given === undefined) return { kind: "absent" };
  if (given.length > 1 && !isFirstTaken) return { kind: "invalid", reason: "repeated" };
  const seconds = parseDeltaSeconds(given[0] ?? "");
  if (seconds === null) return { kind: "invalid", reason: "unparsable" };
  return { kind: "seconds", seconds };
}

/** Names the fields that a directive lists (`no-cache="a, b"`), in lower case; empty without a list. */
export function fieldNamesOf(control: CacheControl, name: string): readonly string[] {
  return (control.directives.get(name) ?? [])
    .flatMap((argument) => (argument ?? "").split(","))
    .map((field) => field.trim().toLowerCase())
    .filter((field) => field !== "");
}

/** Parses delta-seconds: digits only, capped at 2^31; null if it is anything else. */
export function parseDeltaSeconds(text: string): number | null {
  return /^[0-9]+$/.test(text) ? Math.min(Number(text), DELTA_SECONDS_MAX) : null;
}

/** Splits at the commas that stand outside of quoted strings (RFC 9110 §5.6.1, §5.6.4). */
function splitList(text: string): { members: string[]; isMalformed: boolean } {
  const members: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (isQuoted && char === "\\") at += 1;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === "," && !isQuoted) {
      members.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  members.push(text.slice(start).trim());
  return { members, isMalformed: isQuoted };
}

/** RFC 9111 §5.2: recipients ought to accept an argument as a token and as a quoted string. */
function unquote(argument: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(argument)?.[1];
  return quoted === undefined ? argument : quoted.replace(/\\(.)/gs, "$1");
}
