// The floor of a hit: it answers as bench/cache/workers/bare.ts does, after it has looked at what must not
// be answered from a cache without a thought, and with an age. Nothing is stored, purged or counted here.

import { SAFE } from "../../../edge/cache/cache-policy.ts";
import { FRAMEWORK_FIELDS } from "../../../edge/cache/variant.ts";
import { specialFields } from "../../../edge/hit-content.ts";

interface Env {
  /** A list of name and value, as JSON. */
  readonly FIELDS: string;
  readonly BYTES: string;
}

/** Any of them makes a request one that another answer may belong to. */
const NAMES = [...specialFields(SAFE), ...FRAMEWORK_FIELDS, "if-none-match", "if-modified-since"];

interface Page {
  readonly hostField: string | null;
  readonly body: Uint8Array<ArrayBuffer>;
  second: number;
  headers: Headers;
}

const pages = new Map<string, Page>();

function headersAt({ FIELDS }: Env, second: number): Headers {
  const headers = new Headers();
  for (const [name, value] of JSON.parse(FIELDS) as [string, string][]) {
    headers.append(name, name.toLowerCase() === "age" ? String(second % 3_600) : value);
  }
  return headers;
}

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default {
  fetch(request: Request, env: Env): Response {
    const { url, method, headers, body } = request;
    let page = pages.get(url);
    if (page === undefined) {
      const bytes = new Uint8Array(Number(env.BYTES)).fill(97);
      page = { hostField: headers.get("host"), body: bytes, second: -1, headers: new Headers() };
      pages.set(url, page);
    }
    const isPlain = (method === "GET" || method === "HEAD") && body === null;
    if (!isPlain || headers.get("host") !== page.hostField) return new Response(null, REFUSED);
    for (const name of NAMES) if (headers.has(name)) return new Response(null, REFUSED);
    const second = Math.floor(Date.now() / 1_000);
    if (second !== page.second) [page.second, page.headers] = [second, headersAt(env, second)];
    return new Response(page.body, { headers: page.headers });
  },
};

const REFUSED = { status: 501 };
