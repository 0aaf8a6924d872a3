// P4: do equal cache keys mean byte-identical upstream requests, and different sites different keys,
// whatever is asked for? Random targets, hosts and fields, and spellings of each that are nearly the
// same, go through the decisions that serve a request, and every pair that shares a key is compared.

import { createHash } from "node:crypto";
import { askedOf, lookupFields } from "../../edge/asked-content.ts";
import { decideTarget } from "../../edge/cache/cache-key.ts";
import { RFC, SAFE } from "../../edge/cache/cache-policy.ts";
import { guardRequest } from "../../edge/cache/request-guard.ts";
import { onlyHostOf, siteOf } from "../../edge/routing/path.ts";
import { HOP_BY_HOP, linesOf, type FieldList } from "../../http/fields.ts";
import { isHostField } from "../../http/host.ts";
import type { QueryRule } from "../../state/site.ts";
import { pick, randomOf, type Random } from "../../tools/fuzz/mutate.ts";

/** A request as it comes in. */
export interface Asked {
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly target: string;
  readonly fields: FieldList;
}

/** What serving it would look up, and send. */
export interface Way {
  readonly site: string;
  readonly key: string;
  readonly upstream: string;
  readonly fields: FieldList;
}

/** Works out the way of a request; null: it is refused. */
export type Resolve = (asked: Asked) => Way | null;

/** What a run has seen. */
export interface KeyTally {
  readonly urls: number;
  readonly refused: number;
  /** Keys that more than one URL came to, and the pairs of URLs that were compared for it. */
  readonly sharedKeys: number;
  readonly pairs: number;
  readonly keys: number;
  readonly crossSite: number;
  /** What should not be, and how to see it again; the first few. */
  readonly violations: readonly string[];
  readonly violationCount: number;
}

const SITES: Readonly<Record<string, string>> = {
  "a.test": "a",
  "ab.test": "ab",
  "b.test": "b",
  "shop.test": "a-b",
  "www.shop.test": "a-b",
  "127.0.0.1": "lax",
  "*": "rest",
};
/** What settings do to a query is in the key and in what is sent alike. */
const QUERY_RULES: Readonly<Record<string, QueryRule>> = {
  ab: { drop: ["utm_*", "A"] },
  rest: { keep: ["a", "%61"] },
};
const UPSTREAM = "http://upstream.test";
const VIOLATIONS_TOLD = 20;
const PROGRESS_URLS = 100_000;

/** The way that a request takes in production. */
export const resolveServed: Resolve = ({ host, scheme, target, fields }) => {
  if (!isHostField(host)) return null;
  const url = URL.parse(`${scheme}://${host}/`);
  const decided = decideTarget(target);
  const name = url === null ? null : siteOf(url.hostname, SITES);
  if (url === null || name === null || decided.kind === "refused") return null;
  if (guardRequest(fields).kind === "refused") return null;
  const request = {
    method: "GET",
    host: url.hostname,
    arrival: { host: url.host, scheme },
    rawTarget: target,
    fields: linesOf(fields),
    fieldList: () => fields,
    body: null,
  };
  const policy = name === "lax" ? RFC : SAFE;
  const query = QUERY_RULES[name];
  const settings = query === undefined ? {} : { query };
  const site = { name, policy, settings, onlyHost: () => onlyHostOf(name, SITES) };
  const asked = askedOf(request, site, decided);
  const { key, upstream } = asked;
  return { site: name, key, upstream, fields: lookupFields(asked, false) };
};

/** Draws, resolves and compares; the seed is the only input. */
export function fuzzKeys(
  urls: number,
  seed: number,
  resolve: Resolve = resolveServed,
  onProgress: (done: number) => void = () => undefined,
): KeyTally {
  const random = randomOf(seed);
  const book = new KeyBook();
  for (let done = 0; done < urls;) {
    const first = drawAsked(random);
    const spellings = Math.min(1 + random(8), urls - done);
    for (let i = 0; i < spellings; i += 1) {
      book.add(i === 0 ? first : respelt(random, first), resolve);
      done += 1;
      if (done % PROGRESS_URLS === 0) onProgress(done);
    }
  }
  return book.tally();
}

/** Remembers every key, and what was asked of the upstream under it. */
class KeyBook {
  readonly #known = new Map<string, { upstream: string; count: number }>();
  #urls = 0;
  #refused = 0;
  #pairs = 0;
  #shared = 0;
  #crossSite = 0;
  #violations = 0;
  readonly #told: string[] = [];

  add(asked: Asked, resolve: Resolve): void {
    this.#urls += 1;
    let way: Way | null = null;
    try {
      way = resolve(asked);
    } catch (error) {
      this.#violate("it threw", asked, String(error));
    }
    if (way === null) {
      this.#refused += 1;
      return;
    }
    this.#checkAlone(asked, way, resolve);
    const name = digestOf(way.key);
    const upstream = `${way.site} ${digestOf(madeHere(way))}`;
    const known = this.#known.get(name);
    if (known === undefined) {
      this.#known.set(name, { upstream, count: 1 });
      return;
    }
    this.#pairs += known.count;
    known.count += 1;
    if (known.count === 2) this.#shared += 1;
    if (known.upstream === upstream) return;
    if (known.upstream.split(" ", 1)[0] !== way.site) {
      this.#crossSite += 1;
      this.#violate("two sites share a key", asked, way.key);
    } else this.#violate("one key, two upstream requests", asked, way.key);
  }

  /** What must hold of each, whatever else there is. */
  #checkAlone(asked: Asked, way: Way, resolve: Resolve): void {
    const again = resolve({ ...asked, target: way.upstream });
    if (again?.key !== way.key) this.#violate("not idempotent", asked, way.upstream);
    const url = URL.parse(UPSTREAM + way.upstream);
    if (url?.href !== UPSTREAM + way.upstream)
      this.#violate("a URL parser would change it", asked, way.upstream);
    if (!way.key.startsWith(`${way.site}|/`)) this.#violate("another site's key", asked, way.key);
    for (const [name, value] of way.fields) {
      const isMade = MADE_HERE.has(name);
      const isKept = asked.fields.some((field) => field[0] === name && field[1] === value);
      if (!isMade && (NEVER_SENT.has(name) || !isKept))
        this.#violate(`the field ${name} is sent`, asked, value);
    }
  }

  #violate(what: string, { host, scheme, target, fields }: Asked, found: string): void {
    this.#violations += 1;
    if (this.#told.length >= VIOLATIONS_TOLD) return;
    this.#told.push(`${what}: ${JSON.stringify({ scheme, host, target, fields, found })}`);
  }

  tally(): KeyTally {
    return {
      urls: this.#urls,
      refused: this.#refused,
      keys: this.#known.size,
      sharedKeys: this.#shared,
      pairs: this.#pairs,
      crossSite: this.#crossSite,
      violationCount: this.#violations,
      violations: this.#told,
    };
  }
}

/** Fields that the edge makes, not the client: of one key they have to be the same. */
const MADE_HERE: ReadonlySet<string> = new Set(["accept-encoding", "cdn-loop", "forwarded", "via"]);
const NEVER_SENT: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "host",
  "if-none-match",
  "range",
  "skerry-link",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-http-method-override",
  "x-original-url",
]);

/** What of a request the client has not said itself. (Via and CDN-Loop end with what the edge says.) */
function madeHere({ upstream, fields }: Way): string {
  const lines = linesOf(fields);
  const lastOf = (name: string): string => lines.get(name)?.split(",").at(-1)?.trim() ?? "";
  return JSON.stringify([upstream, lines.get("forwarded"), lastOf("via"), lastOf("cdn-loop")]);
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64").slice(0, 16);
}

const HOSTS = [...Object.keys(SITES), "A.test", "a.test:80", "a.test:8080", "a.test.", "evil.test"];
const ODD_HOSTS = [
  "a|b",
  "a.test/x",
  "a.test?x",
  "u@a.test",
  "[::1]",
  "a.test#",
  "",
  "a test",
  "é",
];
const PIECES = [
  "a",
  "B",
  "shop",
  "x.css",
  "%41",
  "%7e",
  "~",
  "%2F",
  "%2f",
  "%5C",
  "%3F",
  "%23",
  "%7C",
  "|",
  "%25",
  "%2e%2e",
  "%2e",
  "..",
  ".",
  "",
  ";v=1",
  "é",
  "%C3%A9",
  "%c3%a9",
  "'",
  '"',
  "<>",
  "{}",
  "+",
  "%20",
  "*",
  "😀",
  "a|",
  "one|",
  "//",
];
const ODD_PIECES = ["%00", "%0a", "\\", "#x", "%zz", "%", " ", "\t", "\u0001", "\ufffd", "\ud800"];
const QUERIES = ["a=1", "a=2", "A=1", "%61=1", "utm_source=x", "a=1;b=2", "", "=", "&", "?", "a='"];
const FIELDS = [
  ["x-forwarded-host", "evil"],
  ["x-forwarded-proto", "https"],
  ["x-original-url", "/admin"],
  ["x-http-method-override", "DELETE"],
  ["forwarded", "host=evil"],
  ["via", "1.1 evil"],
  ["cdn-loop", "evil"],
  ["skerry-link", "evil"],
  ["range", "bytes=0-0"],
  ["if-none-match", '"a"'],
  ["connection", "cookie, x-own"],
  ["te", "trailers"],
  ["upgrade", "h2c"],
  ["accept-encoding", "br"],
  ["accept-language", "fi"],
  ["cookie", "a=1"],
  ["x-own", "1"],
  ["x-bad", "a\u0001"],
] as const;

function drawAsked(random: Random): Asked {
  const piece = (): string => (random(60) === 0 ? pick(random, ODD_PIECES) : pick(random, PIECES));
  const path = Array.from(
    { length: 1 + random(5) },
    () => `/${piece()}${random(3) ? "" : piece()}`,
  );
  return {
    host: random(25) === 0 ? pick(random, ODD_HOSTS) : pick(random, HOSTS),
    scheme: random(2) === 0 ? "http" : "https",
    target: path.join("") + drawQuery(random),
    fields: drawFields(random),
  };
}

function drawQuery(random: Random): string {
  if (random(2) === 0) return "";
  return `?${Array.from({ length: random(4) }, () => pick(random, QUERIES)).join(random(8) ? "&" : ";")}`;
}

function drawFields(random: Random): FieldList {
  if (random(2) === 0) return [];
  return Array.from({ length: 1 + random(3) }, () => pick(random, FIELDS));
}

/** The same request, or nearly, in other words. */
function respelt(random: Random, asked: Asked): Asked {
  let { host, target } = asked;
  for (let left = 1 + random(3); left > 0; left -= 1) target = respell(random, target);
  if (random(3) === 0) host = random(2) ? host.toUpperCase() : pick(random, HOSTS);
  const scheme = random(4) === 0 ? "https" : asked.scheme;
  return { host, scheme, target, fields: random(2) === 0 ? asked.fields : drawFields(random) };
}

type Respelling = (random: Random, before: string, after: string) => string;

const RESPELLINGS: readonly Respelling[] = [
  (_, before, after) => before + after.replace(/[A-Za-z~]/, (char) => `%${hexOf(char)}`),
  (_, before, after) =>
    (before + after).replace(/%[0-9a-f]{2}/i, (triplet) => triplet.toLowerCase()),
  (random, before, after) => `${before}${random(2) ? "/./" : "/x/../"}${after}`,
  (random, before, after) => before + after.replace("/", random(2) ? "%2F" : "//"),
  (_, before, after) => before + after.replace(/[a-zA-Z]/, (char) => char.toUpperCase()),
  (_, before, after) => `${before}${after}${(before + after).includes("?") ? "&" : "?"}`,
  (random, before, after) => before + pick(random, [...PIECES, ...ODD_PIECES]) + after,
  (_, before, after) => before + after.slice(1),
  // As the runtime hands it on: through its own URL parser.
  (_, before, after) =>
    URL.parse(`http://a.test${before}${after}`)?.href.slice("http://a.test".length) ?? before,
];

function respell(random: Random, target: string): string {
  const at = 1 + random(target.length);
  return pick(random, RESPELLINGS)(random, target.slice(0, at), target.slice(at));
}

function hexOf(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(2, "0");
}
