// The ContentBucket port over R2. The object's type and policy are R2's own HTTP metadata.

import { log } from "../../doors/access-log.ts";
import { DEFAULT_CACHE_POLICY } from "../content/cache-policy.ts";
import type { ContentBucket, ObjectInfo } from "../content-ports.ts";

/** A body at the origin: a stream of known length, or bytes. */
export type OriginBody = ReadableStream<Uint8Array> | Uint8Array;

/** Opens the port over a bucket. */
export function openR2Content(bucket: R2Bucket): ContentBucket<OriginBody> {
  return {
    async head(key) {
      const object = await bucket.head(key);
      return object === null ? null : infoOf(object);
    },
    async get(key) {
      const object = await bucket.get(key);
      if (object === null) return null;
      const { body } = object;
      return {
        info: infoOf(object),
        body,
        discard: () => void body.cancel().catch(() => undefined),
      };
    },
    async put(key, body, { contentType, cacheControl }) {
      try {
        const object = await bucket.put(key, body, { httpMetadata: { contentType, cacheControl } });
        return { kind: "stored", info: infoOf(object) };
      } catch (error) {
        log("content-not-stored", { key, error: String(error) });
        return { kind: "failed" };
      }
    },
    delete: (key) => bucket.delete(key),
  };
}

function infoOf(object: R2Object): ObjectInfo {
  return {
    etag: object.httpEtag,
    bytes: object.size,
    publishedMs: object.uploaded.getTime(),
    contentType: object.httpMetadata?.contentType ?? "application/octet-stream",
    cacheControl: object.httpMetadata?.cacheControl ?? DEFAULT_CACHE_POLICY,
  };
}
