// The shortest way to an answer: a request for what memory has answered before, and still has fresh. It
// awaits nothing, and what it computes it keeps for as long as it is true, mostly a second. It answers
// exactly as the usual way would: whatever it is not sure of it leaves to that one. Only the log line is
// shared: one a second tells of all such hits. And what Connection nominates still selects: nothing is
// sent on or stored here, so that this changes nothing for anybody else.

import { log } from "../../doors/access-log.ts";
import type { FieldList } from "../../http/fields.ts";
import type { SiteSettings } from "../../state/site.ts";
import type { AnswerTo } from "../cache/answer.ts";
import type { CachePolicy } from "../cache/cache-policy.ts";
import { BoundedEntries } from "../cache/eviction/bounded-entries.ts";
import { Sieve } from "../cache/eviction/sieve.ts";
import { Slot } from "../cache/eviction/slot.ts";
import type { PurgeBook } from "../cache/purge-book.ts";
import type { StoredMeta, StoredResponse } from "../cache/stored-response.ts";
import { selectingLines } from "../cache/variant.ts";
import type { EdgeConfig } from "../config.ts";
import type { ContentStore, UpstreamBelief } from "../content-ports.ts";
import { hitContent, specialFields, type Hit } from "../hit-content.ts";
import { limits } from "../limits.ts";
import { withSiteFields } from "../site/added-fields.ts";
import type { OriginFailure, OriginHealth } from "../routing/origin-health.ts";
import type { EdgeBody } from "./origin-content.ts";
import type { Regions } from "./regions.ts";
import { responseParts, type ResponseParts } from "./content-response.ts";

/** What a URL was found to ask for. */
export interface HitTarget {
  readonly url: string;
  /** The Host field, which the URL may have been made from in more than one way. */
  readonly hostField: string | null;
  readonly site: string;
  readonly key: string;
  readonly policy: CachePolicy;
  /** What is believed of its upstream. */
  readonly belief: UpstreamBelief;
  readonly settings?: SiteSettings | undefined;
  /** The configuration that says so. */
  readonly config: EdgeConfig;
}

interface Known extends HitTarget {
  readonly special: readonly string[];
  readonly told: HitCount;
}

/** An answer that may be given again. Holds no body, so that it keeps nothing in memory. */
interface Prepared {
  /** What was believed of the upstream. */
  readonly health: OriginHealth;
  /** Why its target was spared; null: it was not. */
  readonly spared: OriginFailure | null;
  /** Whose answer it is, if what its site adds may depend on that; null: anyone's. */
  readonly by: Known | null;
  readonly asked: string;
  readonly book: PurgeBook;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly hasBody: boolean;
  readonly parts: ResponseParts;
}

/** What of a region a hit depends on. */
type KnownView = NonNullable<ReturnType<Regions["known"]>>;

interface HitCount {
  hits: number;
  bytes: number;
}

/** The hits of one isolate. */
export class MemoryHits {
  readonly #memory: ContentStore<EdgeBody>;
  readonly #regions: Regions;
  readonly #known = new Map<string, Slot<Known>>();
  readonly #urls = new BoundedEntries<Known>(
    { bytesMax: limits.knownUrlsBytesMax, entriesMax: limits.knownUrlsMax },
    new Sieve(),
    ({ url }) => this.#known.delete(url),
  );
  readonly #prepared = new WeakMap<StoredMeta, readonly Prepared[]>();
  /** Hits that are not in the log yet, by site. */
  readonly #counts = new Map<string, HitCount>();
  readonly #isTold: boolean;
  #isTelling = false;

  /** @param isTold Whether the log tells of hits. */
  constructor(memory: ContentStore<EdgeBody>, regions: Regions, isTold: boolean) {
    this.#memory = memory;
    this.#regions = regions;
    this.#isTold = isTold;
  }

  /** Learns that memory answered a request for a target. */
  learn(target: HitTarget): void {
    const { url, site } = target;
    const before = this.#known.get(url) ?? null;
    if (before?.entry.config === target.config) return;
    const told = this.#counts.get(site) ?? { hits: 0, bytes: 0 };
    this.#counts.set(site, told);
    const special = specialFields(target.policy);
    // Who may read an answer depends on who asks; a preflight is no GET.
    const known: Known = {
      ...target,
      special: target.settings?.cors === undefined ? special : [...special, "origin"],
      told,
    };
    const slot = new Slot(known, 2 * (url.length + target.key.length) + 200, Infinity, 0);
    this.#known.set(url, slot);
    if (!this.#urls.add(slot, 0, before)) this.#known.delete(url);
  }

  /**
   * Answers at once, or not at all (null); and once more is known of purges, if that is too old.
   * Each look at the request leaves V8, and each thing made here is garbage at once: there are few of both.
   */
  answer(request: Request, ctx: ExecutionContext): Response | Promise<Response | null> | null {
    const slot = this.#known.get(request.url);
    if (slot === undefined) return null;
    const { method, headers } = request;
    if (!isPlain(method, headers, slot.entry) || request.body !== null) return null;
    const nowMs = Date.now();
    const view = this.#regions.known(request, ctx, nowMs);
    return view === null
      ? this.#answerRenewed(request, ctx)
      : this.#answerBy(slot, view, method, headers, ctx, nowMs);
  }

  /** All who come while the view is too old wait for the one call that renews it, and for nothing else. */
  async #answerRenewed(request: Request, ctx: ExecutionContext): Promise<Response | null> {
    const background = (work: Promise<unknown>): void => ctx.waitUntil(work);
    await this.#regions.atRequest(request, background, limits.purgePatienceMs);
    const nowMs = Date.now();
    const view = this.#regions.known(request, ctx, nowMs);
    const slot = this.#known.get(request.url);
    if (view === null || slot === undefined) return null;
    const { method, headers } = request;
    // It may have been learned anew meanwhile, under settings by which other fields are special.
    if (!isPlain(method, headers, slot.entry)) return null;
    return this.#answerBy(slot, view, method, headers, ctx, nowMs);
  }

  #answerBy(
    slot: Slot<Known>,
    view: KnownView,
    method: string,
    headers: Headers,
    ctx: ExecutionContext,
    nowMs: number,
  ): Response | null {
    const { entry: known } = slot;
    if (view.config !== known.config) return null;
    const stored = this.#memory.get(known.key, nowMs, selectingLines(headers, known.policy));
    if (stored === null) return null;
    const conditions = conditionsOf(method, headers);
    const prepared =
      this.#preparedFor(conditions, known, stored.meta, view.purges, nowMs) ??
      this.#prepare(conditions, { method, fields: headers }, known, stored, view.purges, nowMs);
    if (prepared === null) return null;
    this.#urls.use(slot);
    known.told.hits += 1;
    if (prepared.hasBody) known.told.bytes += stored.meta.bodyBytes;
    if (this.#isTold && !this.#isTelling) this.#tellLater(ctx);
    const body = prepared.hasBody ? (stored.body as Uint8Array<ArrayBuffer>) : null;
    return new Response(body, prepared.parts);
  }

  /** Finds what was answered before and would be again; null: nothing. */
  #preparedFor(
    asked: string,
    known: Known,
    meta: StoredMeta,
    book: PurgeBook,
    nowMs: number,
  ): Prepared | null {
    const by = known.settings === undefined ? null : known;
    for (const one of this.#prepared.get(meta) ?? []) {
      const isSame = one.asked === asked && one.by === by && isStill(one, known, nowMs);
      if (isSame && isTrue(one, book, nowMs)) return one;
    }
    return null;
  }

  /** Makes an answer that may be given again; null: it takes more. */
  #prepare(
    asked: string,
    told: Omit<AnswerTo, "policy">,
    known: Known,
    stored: StoredResponse<EdgeBody>,
    book: PurgeBook,
    nowMs: number,
  ): Prepared | null {
    const { key, settings, policy } = known;
    const request: AnswerTo = { ...told, policy };
    const health = known.belief.state;
    const by = settings === undefined ? null : known;
    if (asked.length > limits.preparedConditionCharsMax) return null;
    if (book.verdictOn(key, stored.meta) !== "alive") return null;
    const hit = hitContent(request, { key, stored }, known.belief, nowMs);
    if (hit === null) return null;
    const { answer, untilMs, spared } = hit;
    const hasBody = answer.body !== null;
    const parts = responseParts(
      settings === undefined ? answer : { ...answer, fields: siteFields(answer, request, known) },
    );
    const fromMs = nowMs;
    const prepared: Prepared = {
      health,
      spared,
      by,
      asked,
      book,
      fromMs,
      untilMs,
      hasBody,
      parts,
    };
    const others = (this.#prepared.get(stored.meta) ?? []).filter(
      (one) => !(one.asked === asked && one.by === by) && isTrue(one, book, nowMs),
    );
    this.#prepared.set(stored.meta, [prepared, ...others.slice(0, limits.preparedAnswersMax - 1)]);
    return prepared;
  }

  /** One line a second tells of the hits of each site. */
  #tellLater(ctx: ExecutionContext): void {
    this.#isTelling = true;
    const spanMs = limits.hitsToldEveryMs;
    const later = new Promise((resolve) => setTimeout(resolve, spanMs));
    ctx.waitUntil(
      later.then(() => {
        this.#isTelling = false;
        for (const [site, count] of this.#counts) {
          if (count.hits > 0) log("hits", { site, spanMs, cache: "memory-hit", ...count });
          [count.hits, count.bytes] = [0, 0];
        }
      }),
    );
  }
}

function siteFields(
  { fields }: Hit<EdgeBody>["answer"],
  { method, fields: asked }: AnswerTo,
  { url, settings = {} }: Known,
): FieldList {
  const scheme = url.startsWith("https:") ? "https" : "http";
  return withSiteFields(fields, { method, fields: asked, scheme }, settings);
}

/** Tells whether a request without a body asks for nothing that the usual way would have to see to. */
function isPlain(method: string, headers: Headers, { hostField, special }: Known): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  for (const name of special) if (headers.has(name)) return false;
  return headers.get("host") === hostField;
}

/** What an answer depends on besides the stored response; a plain GET's is empty. */
function conditionsOf(method: string, headers: Headers): string {
  const tags = headers.get("if-none-match");
  const since = headers.get("if-modified-since");
  if (method === "GET" && tags === null && since === null) return "";
  return `${method} ${tags ?? ""}\n${since ?? ""}`;
}

/** While the upstream is well only what is believed of this target shows; else an answer tells of it. */
function isStill({ health, spared }: Prepared, { key, belief }: Known, nowMs: number): boolean {
  const { state } = belief;
  if (spared !== null && belief.spared.rest(key, nowMs)?.reason !== spared) return false;
  return health === state || (health.kind === "up" && state.kind === "up");
}

function isTrue(
  { book: known, fromMs, untilMs }: Prepared,
  book: PurgeBook,
  nowMs: number,
): boolean {
  return known === book && fromMs <= nowMs && nowMs < untilMs;
}
