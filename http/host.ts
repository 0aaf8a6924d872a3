// Is a Host field a host at all? The runtime puts it into the request's URL as it came, where "/",
// "?" or "@" in it would move what follows into another part (RFC 9110 §7.2).

const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?$/;

/** Tells whether a Host field is a name or an address, with or without a port. */
export function isHostField(field: string): boolean {
  const parts = HOST.exec(field);
  return parts !== null && Number(parts[1] ?? "0") <= 65_535;
}
