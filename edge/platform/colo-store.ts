// The ColoContent port over the Cache API: blobs behind synthetic answers of status 200, under URLs of the
// site's own host. Of a key that does not vary there is one blob, its fields and its body; of one that does
// there is a list of its variants, and a blob for each.
//
// Where there is no Cache API, as on bare workerd without a service for it, there is no such tier: that is
// found out once.

import { log } from "../../doors/access-log.ts";
import { OFFLINE_S_MAX } from "../../state/site.ts";
import {
  tagOf,
  usableUntilMs,
  type StoredMeta,
  type StoredResponse,
} from "../cache/stored-response.ts";
import { isSelected, parseVariantId, variantId } from "../cache/variant.ts";
import type { ColoContent, ColoFinding } from "../content-ports.ts";
import type { FieldLines } from "../../http/fields.ts";
import { limits } from "../limits.ts";
import { digestOf } from "./body-digest.ts";
import type { EdgeBody } from "./origin-content.ts";

/** What is told of a variant without its blob. */
interface Listed {
  readonly id: string;
  readonly tag: string | null;
  readonly isPart: boolean;
}

/** The head of a blob. */
type Head =
  | { readonly kind: "response"; readonly meta: StoredMeta }
  | { readonly kind: "variants"; readonly variants: readonly Listed[] };

/** A blob: the length of its head, 4 bytes, big-endian; the head as JSON; the body. */
interface Blob {
  readonly head: Head;
  readonly body: Uint8Array;
}

/** Whether the runtime has a Cache API; not known until it was asked. */
let hasCache: boolean | null = null;

/** Opens the tier; `host` is one that the site is served under, never another's. */
export function openColo(host: string): ColoContent<EdgeBody> {
  return new ColoStore(host);
}

class ColoStore implements ColoContent<EdgeBody> {
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  async get(key: string, selecting: FieldLines): Promise<ColoFinding<EdgeBody>> {
    if (isAbsent()) return { kind: "absent" };
    const blob = await this.#read(await this.#urlOf(key, ""));
    if (isAbsent()) return { kind: "absent" };
    if (blob === null) return { kind: "none", tags: [] };
    if (blob.head.kind === "response") return found(blob) ?? { kind: "none", tags: [] };
    const { variants } = blob.head;
    const listed = variants.find(({ id }) => isSelected(parseVariantId(id), selecting));
    const one = listed === undefined ? null : await this.#read(await this.#urlOf(key, listed.id));
    const tags = variants.flatMap(({ tag }) => tag ?? []);
    return (one === null ? null : found(one)) ?? { kind: "none", tags };
  }

  async getTagged(key: string, tag: string): Promise<StoredResponse<EdgeBody> | null> {
    if (isAbsent()) return null;
    const first = await this.#read(await this.#urlOf(key, ""));
    if (first?.head.kind !== "variants") return null;
    const listed = first.head.variants.find((variant) => variant.tag === tag);
    const blob = listed === undefined ? null : await this.#read(await this.#urlOf(key, listed.id));
    const finding = blob === null ? null : found(blob);
    return finding?.kind === "found" ? finding.stored : null;
  }

  async put(key: string, { meta, body }: StoredResponse<EdgeBody>): Promise<void> {
    if (isAbsent() || !(body instanceof Uint8Array)) return;
    const first = await this.#urlOf(key, "");
    const id = variantId(meta.variant);
    const response: Blob = { head: { kind: "response", meta }, body };
    if (id === "") return this.#write(first, response, meta);
    const known = await this.#read(first);
    const listed = known?.head.kind === "variants" ? known.head.variants : [];
    await this.#write(await this.#urlOf(key, id), response, meta);
    const own: Listed = { id, tag: tagOf(meta), isPart: meta.part !== null };
    const others = listed.filter((variant) => variant.id !== id);
    // What is whole goes before parts.
    const variants = [own, ...others]
      .slice(0, limits.variantsPerKeyMax)
      .toSorted((a, b) => Number(a.isPart) - Number(b.isPart));
    await this.#write(first, { head: { kind: "variants", variants }, body: NOTHING }, meta);
  }

  async delete(key: string): Promise<void> {
    if (isAbsent()) return;
    const url = await this.#urlOf(key, "");
    await attempt("delete", () => caches.default.delete(url));
  }

  async #urlOf(key: string, variant: string): Promise<string> {
    const name = await digestOf(new TextEncoder().encode(JSON.stringify([key, variant])));
    return `https://${this.#host}/__skerry/v1/${name}`;
  }

  async #read(url: string): Promise<Blob | null> {
    const bytes = await attempt("match", async () => {
      const response = await caches.default.match(url);
      return response === undefined ? null : new Uint8Array(await response.arrayBuffer());
    });
    return bytes === null ? null : decodeBlob(bytes);
  }

  async #write(url: string, blob: Blob, meta: StoredMeta): Promise<void> {
    const leftS = Math.ceil((usableUntilMs(meta, STALE_MS) - Date.now()) / 1000);
    if (leftS <= 0) return;
    const headers = {
      "cache-control": `max-age=${Math.min(leftS, limits.coloKeptSMax)}`,
      "content-type": "application/octet-stream",
    };
    await attempt("put", () =>
      caches.default.put(url, new Response(encodeBlob(blob), { headers })),
    );
  }
}

const NOTHING = new Uint8Array(0);
const STALE_MS = OFFLINE_S_MAX * 1000;

const isAbsent = (): boolean => hasCache === false;

/** Calls the Cache API; null: it failed. The first call tells whether there is one. */
async function attempt<T>(call: string, work: () => Promise<T>): Promise<T | null> {
  try {
    const result = await work();
    hasCache = true;
    return result;
  } catch (error) {
    const isFirst = hasCache === null;
    hasCache ??= false;
    log(isFirst ? "no-colo-cache" : "colo-cache-failed", { call, error: String(error) });
    return null;
  }
}

/** What a blob has that may still be of use. */
function found({ head, body }: Blob): ColoFinding<EdgeBody> | null {
  if (head.kind !== "response" || head.meta.bodyBytes !== body.length) return null;
  if (usableUntilMs(head.meta, STALE_MS) < Date.now()) return null;
  return { kind: "found", stored: { meta: head.meta, body } };
}

function encodeBlob({ head, body }: Blob): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + text.length + body.length);
  new DataView(bytes.buffer).setUint32(0, text.length);
  bytes.set(text, 4);
  bytes.set(body, 4 + text.length);
  return bytes;
}

/** Null: it is none of ours, or of another release. */
function decodeBlob(bytes: Uint8Array): Blob | null {
  try {
    const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
    const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
    const head = JSON.parse(text) as Head;
    return { head, body: bytes.subarray(4 + length) };
  } catch {
    return null;
  }
}
