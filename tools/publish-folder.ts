// How does a folder become a site? Walks it and puts every file to the origin's content door, a few
// at a time, again after a broken connection.

import fs from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Files that are sent at the same time. */
const CONCURRENCY = 6;
/** Tries of one file, and the wait before the second; it doubles from try to try. */
const TRIES = 5;
const FIRST_WAIT_MS = 200;
/** A request that takes longer has failed. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Files of a folder; more is most likely not the folder that was meant. */
const FILES_MAX = 20_000;
/** Answers that may be another one soon. */
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
/** Answers to the token and not to the file: the other files would get them too. */
const REFUSING: ReadonlySet<number> = new Set([401, 403]);

/** What is published, where to, and how. */
export interface PublishOptions {
  readonly folder: string;
  readonly site: string;
  /** The origin's base URL. */
  readonly originUrl: string;
  /** An operator token with the scope `publish`. */
  readonly token: string;
  /** The Cache-Control of every file; undefined: the origin's default. */
  readonly cacheControl?: string;
  /** Files and folders whose name begins with a dot, too. */
  readonly isHiddenIncluded?: boolean;
  /** Sends nothing; tells what would be sent. */
  readonly isDryRun?: boolean;
  /** Told about each file when it is done. */
  readonly onFile?: (file: PublishedFile, done: number, total: number) => void;
}

/** What became of one file. `path` is its path in the site. */
export type PublishedFile = { readonly path: string; readonly bytes: number } & (
  | { readonly outcome: "new" | "replaced"; readonly contentType: string; readonly etag: string }
  | { readonly outcome: "planned" }
  | { readonly outcome: "failed"; readonly error: string }
);

/** The origin does not let this token publish. */
class RefusalError extends Error {}

/**
 * Publishes a folder; files that could not be are in the result, with their errors.
 *
 * @throws If the origin refuses the token: said once, and not for every file.
 */
export async function publishFolder(options: PublishOptions): Promise<readonly PublishedFile[]> {
  const files = await listFiles(options.folder, options.isHiddenIncluded === true);
  if (files.length === 0)
    throw new Error(`Cannot publish ${options.folder}: there is no file in it`);
  const published: PublishedFile[] = [];
  const waiting = [...files];
  const publishNext = async () => {
    const file = waiting.shift();
    if (file === undefined) return;
    const result = await publishFile(file, options);
    published.push(result);
    options.onFile?.(result, published.length, files.length);
  };
  const work = async () => {
    while (waiting.length > 0) await publishNext();
  };
  try {
    // The first goes alone: it shows whether the token is good.
    await publishNext();
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  } finally {
    waiting.length = 0;
  }
  return published.toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

/** Lists a folder's files by their paths in the site, in order. Links are not followed. */
export async function listFiles(folder: string, isHiddenIncluded: boolean): Promise<string[]> {
  const files: string[] = [];
  const walk = async (inside: string): Promise<void> => {
    const entries = await fs.readdir(path.join(folder, inside), { withFileTypes: true });
    for (const entry of entries) {
      if (entry.name.startsWith(".") && !isHiddenIncluded) continue;
      const name = inside === "" ? entry.name : `${inside}/${entry.name}`;
      if (entry.isDirectory()) await walk(name);
      else if (entry.isFile()) files.push(name);
      if (files.length > FILES_MAX) {
        throw new Error(`Cannot publish ${folder}: more than ${FILES_MAX} files`);
      }
    }
  };
  try {
    await walk("");
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new Error(`Cannot publish ${folder}: there is no such folder`, { cause: error });
  }
  return files.toSorted();
}

async function publishFile(file: string, options: PublishOptions): Promise<PublishedFile> {
  const body = await fs.readFile(path.join(options.folder, file));
  const about = { path: file, bytes: body.length };
  if (options.isDryRun === true) return { ...about, outcome: "planned" };
  let error = "";
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (attempt > 0) await sleep(FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    const answer = await put(file, body, options);
    if (answer.kind === "stored") {
      const { contentType, etag } = answer;
      return { ...about, outcome: answer.isNew ? "new" : "replaced", contentType, etag };
    }
    ({ error } = answer);
    if (!answer.isPassing) break;
  }
  return { ...about, outcome: "failed", error };
}

type PutAnswer =
  | { kind: "stored"; isNew: boolean; contentType: string; etag: string }
  | { kind: "failed"; isPassing: boolean; error: string };

async function put(file: string, body: Uint8Array, options: PublishOptions): Promise<PutAnswer> {
  const { originUrl, site, token, cacheControl } = options;
  const escaped = file.split("/").map(encodeURIComponent).join("/");
  const url = `${originUrl.replace(/\/+$/, "")}/v1/sites/${site}/content/${escaped}`;
  try {
    const response = await fetch(url, {
      method: "PUT",
      body: body as Uint8Array<ArrayBuffer>,
      headers: {
        authorization: `Bearer ${token}`,
        ...(cacheControl === undefined ? {} : { "cache-control": cacheControl }),
      },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) {
      const { detail } = answer;
      const error = `${response.status} ${typeof detail === "string" ? detail : response.statusText}`;
      if (REFUSING.has(response.status)) {
        throw new RefusalError(`The origin refuses the token: ${error}`);
      }
      return { kind: "failed", isPassing: PASSING.has(response.status), error };
    }
    return {
      kind: "stored",
      isNew: response.status === 201,
      contentType: String(answer["contentType"]),
      etag: String(answer["etag"]),
    };
  } catch (error) {
    if (error instanceof RefusalError) throw error;
    return { kind: "failed", isPassing: true, error: `${new URL(url).host}: ${reasonOf(error)}` };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === "" && "code" in cause ? String(cause.code) : cause.message;
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && ["ENOENT", "ENOTDIR"].includes(String(error.code))
  );
}
