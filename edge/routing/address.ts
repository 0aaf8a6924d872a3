// Whose address does a request come from, as the deployment's own proxy says it? Asked only where the
// operator has named the header that this proxy sets: any other is the client's to invent.

const ADDRESS_CHARS_MAX = 64;

/**
 * Names who is counted together. The last address of a list is the one that the proxy itself saw; of
 * an IPv6 address the first 64 bits count, since one subscriber has all that begin with them.
 *
 * @param field The trusted header's value; null if the request did not come through the proxy.
 * @returns The same text for those that are counted together; "" for all that say nothing usable.
 */
export function addressKey(field: string | null): string {
  const address = (field?.split(",").at(-1) ?? "").trim().toLowerCase();
  if (address.length > ADDRESS_CHARS_MAX) return "";
  if (/^\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?$/.test(address)) return address.replace(/:\d+$/, "");
  const bare = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/.exec(address)?.[1] ?? address;
  return /^[0-9a-f:]+(\d{1,3}(\.\d{1,3}){3})?$/.test(bare) && bare.includes(":")
    ? `${firstHalf(bare)}::/64`
    : "";
}

/** The first four groups of an IPv6 address (RFC 4291 §2.2), without leading zeros. */
function firstHalf(address: string): string {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
