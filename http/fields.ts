// How do pure rooms see header fields? As `FieldLines` to look things up in (the platform's
// `Headers` satisfies it) or as a `FieldList` to keep and to send; and which fields end at a hop.

/** Read access to the fields of one message; names are looked up case-insensitively. */
export interface FieldLines {
  /** The field's value, lines of the same name joined with ", "; null if absent. */
  get(name: string): string | null;
  has(name: string): boolean;
}

/** Field lines in order, names in lower case. Set-Cookie keeps one line each. */
export type FieldList = readonly (readonly [name: string, value: string])[];

/** Fields that end at the next hop whatever Connection says (RFC 9110 §7.6.1). */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Tells whether a value may stand in a field line (RFC 9110 §5.5), unharmed by decoding. */
export function isFieldValue(value: string): boolean {
  // U+FFFD is what the runtime makes of a byte it cannot decode: two different values would collide.
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return !/[\u0000-\u0008\u000a-\u001f\u007f\ufffd]/.test(value);
}

/** A message without fields. */
export const NO_FIELDS: FieldLines = { get: () => null, has: () => false };

/** Makes a list searchable; lines of the same name are joined with ", " (RFC 9110 §5.2). */
export function linesOf(list: FieldList): FieldLines {
  const joined = new Map<string, string>();
  for (const [name, value] of list) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return {
    get: (name) => joined.get(name.toLowerCase()) ?? null,
    has: (name) => joined.has(name.toLowerCase()),
  };
}

/** Drops what ends at this hop: the hop-by-hop fields and those that Connection nominates. */
export function endToEndFields(list: FieldList): FieldList {
  const nominated = new Set(
    list
      .filter(([name]) => name === "connection")
      .flatMap(([, value]) => value.split(","))
      .map((name) => name.trim().toLowerCase()),
  );
  return list.filter(([name]) => !HOP_BY_HOP.has(name) && !nominated.has(name));
}

/** Counts what a list weighs: the characters of its names and values, which are bytes on the wire. */
export function fieldBytesOf(list: FieldList): number {
  let bytes = 0;
  for (const [name, value] of list) bytes += name.length + value.length + 4;
  return bytes;
}
