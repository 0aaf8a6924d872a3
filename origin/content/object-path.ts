// Which object does a content path name? One path, one object: no dot segments, no empty ones, no
// escaped slashes, so that two spellings never meet and nothing leaves its site (P4).

/** An object's path in its site, or why there is none. */
export type ObjectPathDecision =
  | { readonly kind: "object"; readonly reason: "named" | "index"; readonly path: string }
  | {
      readonly kind: "refused";
      readonly reason: "bad-escape" | "bad-character" | "bad-segment" | "too-long";
      readonly detail: string;
    };

const SITE = /^[a-z0-9-]{1,32}$/;

/** Tells whether a text can be a site's name. */
export function isSiteName(text: string): boolean {
  return SITE.test(text);
}

/**
 * Decides the object of a path; "" and "docs/" are their folder's index.html.
 *
 * @param rawPath   What follows `/content/` in the request's path, still escaped.
 * @param bytesMax  UTF-8 bytes that a path may have.
 */
export function decideObjectPath(rawPath: string, bytesMax: number): ObjectPathDecision {
  if (rawPath.length > bytesMax * 3) return tooLong(bytesMax);
  if (/%(?:2F|5C)/i.test(rawPath)) {
    return refused("bad-character", "A path holds no escaped slash or backslash");
  }
  const path = unescape(rawPath);
  if (path === null)
    return refused("bad-escape", "The path's escapes are not UTF-8: escape it again");
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\\ufffd]/.test(path)) {
    return refused("bad-character", "A path holds no control character and no backslash");
  }
  const isFolder = path === "" || path.endsWith("/");
  const whole = isFolder ? `${path}index.html` : path;
  const segments = whole.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    return refused("bad-segment", 'A path holds no empty segment, "." or ".."');
  }
  const bytes = encodeURIComponent(whole).replace(/%[0-9A-F]{2}/g, "x").length;
  if (bytes > bytesMax) return tooLong(bytesMax);
  return { kind: "object", reason: isFolder ? "index" : "named", path: whole };
}

function unescape(rawPath: string): string | null {
  try {
    const path = decodeURIComponent(rawPath);
    return path.isWellFormed() ? path : null;
  } catch {
    return null;
  }
}

function tooLong(bytesMax: number): ObjectPathDecision {
  return refused("too-long", `A path has at most ${bytesMax} bytes`);
}

function refused(
  reason: Extract<ObjectPathDecision, { kind: "refused" }>["reason"],
  detail: string,
): ObjectPathDecision {
  return { kind: "refused", reason, detail };
}
