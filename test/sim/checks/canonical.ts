// When are two views the same? When they have the same text: maps by key, records by name.

/** Writes a value down so that equal values have equal texts. */
export function canonical(value: unknown): string {
  if (value instanceof Map) {
    const entries = [...value].map(([key, held]) => `${String(key)}=>${canonical(held)}`);
    return `{${entries.toSorted().join()}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value === "object" && value !== null) {
    // Absent and undefined are alike: neither is stored.
    const entries = Object.entries(value)
      .filter(([, held]) => held !== undefined)
      .map(([name, held]) => `${name}:${canonical(held)}`);
    return `(${entries.toSorted().join()})`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
