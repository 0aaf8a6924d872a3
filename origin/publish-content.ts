// How does a file become content, or stop being it? Checks path, type and policy, stores it, and
// purges what was stored of it before: a request sent again does both again.

import type { Problem } from "../http/problem.ts";
import { decideCachePolicy } from "./content/cache-policy.ts";
import { decideContentType } from "./content/content-type.ts";
import { decideObjectPath, isSiteName } from "./content/object-path.ts";
import type { ContentBucket, ObjectInfo, ObjectPolicy, PurgeContent } from "./content-ports.ts";
import { limits } from "./limits.ts";

/** A checked place in a site. */
export interface ContentPlace {
  readonly site: string;
  readonly path: string;
}

/** Finds the object that a request names, or says what is wrong with it. */
export function placeOfContent(site: string, rawPath: string): ContentPlace | Problem {
  if (!isSiteName(site)) {
    return badRequest("site-name", "A site's name has 1 to 32 of the characters a-z, 0-9 and -");
  }
  const decision = decideObjectPath(rawPath, limits.contentPathCharsMax);
  if (decision.kind === "refused") return badRequest(`path-${decision.reason}`, decision.detail);
  return { site, path: decision.path };
}

/** The key of a place; a site's name holds no slash, so keys of two sites never meet (P4). */
export function keyOf(place: ContentPlace): string {
  return `${place.site}/${place.path}`;
}

/** Decides how an object is published, from the fields of its PUT. */
export function decideObjectPolicy(
  contentType: string | null,
  cacheControl: string | null,
  path: string,
): ObjectPolicy | Problem {
  const type = decideContentType(contentType, path);
  if (type.kind === "refused") {
    return badRequest(
      "content-type",
      "Content-Type is not a media type such as text/html; leave it out to go by the name",
    );
  }
  const policy = decideCachePolicy(cacheControl);
  if (policy.kind === "refused") return badRequest(`cache-policy-${policy.reason}`, policy.detail);
  return { contentType: type.type, cacheControl: policy.policy };
}

/** What publishing came to; `isNew` tells 201 from 200. */
export type Publication =
  | { readonly kind: "published"; readonly isNew: boolean; readonly info: ObjectInfo }
  | { readonly kind: "problem"; readonly problem: Problem };

/** What withdrawing came to. */
export type Withdrawal =
  | { readonly kind: "withdrawn"; readonly wasThere: boolean }
  | { readonly kind: "problem"; readonly problem: Problem };

/** Stores an object under its place. */
export async function publishContent<Body>(
  place: ContentPlace,
  policy: ObjectPolicy,
  body: Body,
  bucket: ContentBucket<Body>,
  purge: PurgeContent,
): Promise<Publication> {
  const key = keyOf(place);
  const before = await bucket.head(key);
  const stored = await bucket.put(key, body, policy);
  if (stored.kind === "stored") {
    const problem = await purged(place, purge, "stored");
    if (problem !== null) return { kind: "problem", problem };
    return { kind: "published", isNew: before === null, info: stored.info };
  }
  const problem = {
    code: "not-stored",
    status: 503,
    title: "Not stored",
    detail: "The object was not stored and what was there is unchanged: send it again",
    headers: { "retry-after": "1" },
  };
  return { kind: "problem", problem };
}

/** Takes an object out of its site; also of the edges if there is none, where one may be stored. */
export async function withdrawContent<Body>(
  place: ContentPlace,
  bucket: ContentBucket<Body>,
  purge: PurgeContent,
): Promise<Withdrawal> {
  const key = keyOf(place);
  const wasThere = (await bucket.head(key)) !== null;
  if (wasThere) await bucket.delete(key);
  const problem = await purged(place, purge, "deleted");
  return problem === null ? { kind: "withdrawn", wasThere } : { kind: "problem", problem };
}

/** Purges a place; null if that worked. */
async function purged(
  { site, path }: ContentPlace,
  purge: PurgeContent,
  what: "stored" | "deleted",
): Promise<Problem | null> {
  try {
    await purge(site, path);
    return null;
  } catch {
    return {
      code: "not-purged",
      status: 503,
      title: "Not purged",
      detail: `The object was ${what} but not purged: send it again, or the edges go on with what they stored`,
      headers: { "retry-after": "1" },
    };
  }
}

function badRequest(code: string, detail: string): Problem {
  return { code, status: 400, title: "Bad request", detail };
}
