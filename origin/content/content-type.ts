// Which media type does a published file have? The publisher's word, or its name's extension.

/** Types of the files that sites are made of; text is UTF-8. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["avif", "image/avif"],
  ["css", "text/css; charset=utf-8"],
  ["csv", "text/csv; charset=utf-8"],
  ["gif", "image/gif"],
  ["gz", "application/gzip"],
  ["htm", "text/html; charset=utf-8"],
  ["html", "text/html; charset=utf-8"],
  ["ico", "image/vnd.microsoft.icon"],
  ["jpeg", "image/jpeg"],
  ["jpg", "image/jpeg"],
  ["js", "text/javascript; charset=utf-8"],
  ["json", "application/json"],
  ["jsonld", "application/ld+json"],
  ["map", "application/json"],
  ["md", "text/markdown; charset=utf-8"],
  ["mjs", "text/javascript; charset=utf-8"],
  ["mp3", "audio/mpeg"],
  ["mp4", "video/mp4"],
  ["otf", "font/otf"],
  ["pdf", "application/pdf"],
  ["png", "image/png"],
  ["svg", "image/svg+xml; charset=utf-8"],
  ["ttf", "font/ttf"],
  ["txt", "text/plain; charset=utf-8"],
  ["wasm", "application/wasm"],
  ["webm", "video/webm"],
  ["webmanifest", "application/manifest+json"],
  ["webp", "image/webp"],
  ["woff", "font/woff"],
  ["woff2", "font/woff2"],
  ["xml", "application/xml"],
  ["zip", "application/zip"],
]);

const UNKNOWN = "application/octet-stream";
const MEDIA_TYPE =
  /^[A-Za-z0-9!#$&^_.+-]{1,64}\/[A-Za-z0-9!#$&^_.+-]{1,64}(?:\s*;\s*[A-Za-z0-9!#$&^_.+-]{1,64}=(?:[A-Za-z0-9!#$&^_.+'-]{1,64}|"[^"\\\r\n]{0,64}"))*$/;

/** What curl says of any body unless told otherwise; it never describes a published file. */
const FORM = "application/x-www-form-urlencoded";

/** The type to publish with, or that the given one is not a media type (RFC 9110 §8.3.1). */
export type ContentTypeDecision =
  | {
      readonly kind: "type";
      readonly reason: "given" | "extension" | "unknown";
      readonly type: string;
    }
  | { readonly kind: "refused"; readonly reason: "not-a-media-type" };

/** Decides the Content-Type of an object from what its publisher says and from its path. */
export function decideContentType(given: string | null, path: string): ContentTypeDecision {
  const isSaid = given !== null && given !== "" && !given.toLowerCase().startsWith(FORM);
  if (isSaid) {
    return MEDIA_TYPE.test(given)
      ? { kind: "type", reason: "given", type: given }
      : { kind: "refused", reason: "not-a-media-type" };
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "";
  const type = TYPES.get(extension);
  return type === undefined
    ? { kind: "type", reason: "unknown", type: UNKNOWN }
    : { kind: "type", reason: "extension", type };
}
