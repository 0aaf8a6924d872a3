// In which content coding is an answer sent? What is stored whole and uncoded is coded for who takes it;
// what the upstream has coded, what is still arriving, and what says no-transform goes as it is.

import { hasDirective, parseCacheControl } from "../http/cache-control.ts";
import { linesOf, type FieldLines, type FieldList } from "../http/fields.ts";
import { acceptedCodings } from "../http/vary.ts";
import type { Coding, CompressionSetting } from "../state/site.ts";
import type { ContentAnswer } from "./cache/answer.ts";
import type { StoredMeta } from "./cache/stored-response.ts";
import type { BodyEncoder } from "./content-ports.ts";
import { withVary } from "./site/added-fields.ts";
import { isOfType } from "./site/path-pattern.ts";

/** The request that is answered. */
interface Asked {
  readonly method: string;
  readonly fields: FieldLines;
}

type Content<Body> = Extract<ContentAnswer<Body>, { kind: "content" }>;

/** Fields that are about the bytes as they were (RFC 9530 and its forerunners; RFC 9110 §14.3). */
const OF_BYTES: ReadonlySet<string> = new Set([
  "accept-ranges",
  "content-digest",
  "content-length",
  "content-md5",
  "digest",
  "repr-digest",
]);

/** Codes an answer, if its site's settings and its request are for it. */
export function encodeAnswer<Body>(
  answer: Content<Body>,
  { method, fields: request }: Asked,
  compression: CompressionSetting,
  encoder: BodyEncoder<Body>,
): Content<Body> {
  const { stored, status, body } = answer;
  if (stored === undefined || !isEncoded(stored, compression)) return answer;
  const varied = { ...answer, fields: withVary(answer.fields, "Accept-Encoding") };
  const coding = codingFor(request, compression);
  // A part is one of the uncoded representation, whose entity tag is another.
  if (coding === null || status === 206 || status === 416) return varied;
  if (status === 304) return { ...varied, fields: varied.fields.map(weakened) };
  const coded = body === null ? null : encoder.encode(body, coding);
  if (coded === null && method !== "HEAD") return varied;
  const fields: FieldList = [
    ...varied.fields.filter(([name]) => !OF_BYTES.has(name)).map(weakened),
    ["content-encoding", coding],
  ];
  return { ...varied, fields, body: coded };
}

/** The site's first coding that a request accepts; null: none. */
function codingFor(request: FieldLines, { codings }: CompressionSetting): Coding | null {
  const accepted = acceptedCodings(request.get("accept-encoding")).split(", ");
  return codings.find((coding) => accepted.includes(coding)) ?? null;
}

/** Tells whether a stored response is one that is coded for whoever takes it. */
function isEncoded(
  { fields, bodyBytes, part }: StoredMeta,
  { types, minBytes }: CompressionSetting,
): boolean {
  if (part !== null || bodyBytes < minBytes) return false;
  const lines = linesOf(fields);
  if (lines.has("content-encoding") || !isOfType(types, lines.get("content-type"))) return false;
  return !hasDirective(parseCacheControl(lines.get("cache-control")), "no-transform");
}

/** RFC 9110 §8.8.3.3: what is coded is another representation, so the strong entity tag is not its own. */
function weakened([name, value]: FieldList[number]): FieldList[number] {
  return name === "etag" && value.startsWith('"') ? [name, `W/${value}`] : [name, value];
}
