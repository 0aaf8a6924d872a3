// How is published content read? The object with its policy and validators, 304 for who has it, and
// the site's own 404.html for what does not exist.

import { decidePrecondition } from "../http/conditional.ts";
import { linesOf, type FieldLines, type FieldList } from "../http/fields.ts";
import { formatHttpDate } from "../http/http-date.ts";
import type { ContentBucket, ObjectInfo } from "./content-ports.ts";
import { keyOf, type ContentPlace } from "./publish-content.ts";

/** What is answered; null: there is neither the object nor a 404.html. */
export interface ContentReading<Body> {
  readonly status: 200 | 304 | 404;
  readonly fields: FieldList;
  readonly body: Body | null;
}

/** The object that answers for those that a site does not have. */
const NOT_FOUND_PATH = "404.html";

/**
 * Reads an object for GET or HEAD.
 *
 * @param request  For its If-None-Match and If-Modified-Since (RFC 9110 §13).
 */
export async function readContent<Body>(
  place: ContentPlace,
  method: "GET" | "HEAD",
  request: FieldLines,
  nowMs: number,
  bucket: ContentBucket<Body>,
): Promise<ContentReading<Body> | null> {
  const found = await open(keyOf(place), method, bucket);
  if (found === null) return readNotFound(place, method, nowMs, bucket);
  const fields = fieldsOf(found.info, nowMs);
  if (decidePrecondition(request, linesOf(fields), nowMs).kind === "not-modified") {
    found.discard();
    // Content-Type stays: the same bytes may have been published again as another type.
    return { status: 304, fields, body: null };
  }
  return { status: 200, fields: [...fields, lengthOf(found.info)], body: found.body };
}

async function readNotFound<Body>(
  place: ContentPlace,
  method: "GET" | "HEAD",
  nowMs: number,
  bucket: ContentBucket<Body>,
): Promise<ContentReading<Body> | null> {
  const found = await open(keyOf({ ...place, path: NOT_FOUND_PATH }), method, bucket);
  if (found === null) return null;
  const fields: FieldList = [
    ["content-type", found.info.contentType],
    // Not kept anywhere, so that what is published next is there at once.
    ["cache-control", "no-store"],
    ["date", formatHttpDate(nowMs)],
    ["x-content-type-options", "nosniff"],
    lengthOf(found.info),
  ];
  return { status: 404, fields, body: found.body };
}

async function open<Body>(
  key: string,
  method: "GET" | "HEAD",
  bucket: ContentBucket<Body>,
): Promise<{ info: ObjectInfo; body: Body | null; discard: () => void } | null> {
  if (method === "GET") return bucket.get(key);
  const info = await bucket.head(key);
  return info === null ? null : { info, body: null, discard: () => undefined };
}

function fieldsOf(info: ObjectInfo, nowMs: number): FieldList {
  return [
    ["content-type", info.contentType],
    ["cache-control", info.cacheControl],
    ["etag", info.etag],
    ["last-modified", formatHttpDate(info.publishedMs)],
    ["date", formatHttpDate(nowMs)],
    ["x-content-type-options", "nosniff"],
  ];
}

function lengthOf(info: ObjectInfo): readonly [string, string] {
  return ["content-length", String(info.bytes)];
}
