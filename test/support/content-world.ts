// A content edge in one object: memory, region and origin are plain values, time is a number, and
// bodies are strings. The origin does what `answer` says.

import { PUBLISHED, type CachePolicy } from "../../edge/cache/cache-policy.ts";
import type { StoredResponse } from "../../edge/cache/stored-response.ts";
import type { ContentAnswer } from "../../edge/cache/answer.ts";
import { NO_PURGES } from "../../edge/cache/purge-book.ts";
import { TargetBook } from "../../edge/cache/target-book.ts";
import { WrittenKeys } from "../../edge/cache/written-keys.ts";
import type {
  ContentPorts,
  RegionFinding,
  UpstreamReply,
  UpstreamRequest,
} from "../../edge/content-ports.ts";
import { Flights } from "../../edge/flights.ts";
import { MemoryStore } from "../../edge/platform/memory-store.ts";
import { INITIAL_HEALTH, type OriginFailure } from "../../edge/routing/origin-health.ts";
import { SparedTargets } from "../../edge/routing/spared-targets.ts";
import { serveSite } from "../../edge/serve-site.ts";
import type { SiteHooks } from "../../edge/site/hooks.ts";
import type { SiteSettings } from "../../state/site.ts";
import { linesOf, type FieldLines, type FieldList } from "../../http/fields.ts";

/** What the origin does with a request. `slow` answers only after the client's patience. */
export type OriginAct =
  | {
      readonly status: number;
      readonly fields?: FieldList;
      readonly body?: string;
      readonly isSlow?: boolean;
    }
  | { readonly failure: OriginFailure };

const DAY_MS = 86_400_000;

export class ContentWorld {
  nowMs = Date.UTC(2026, 10, 21);
  answer: (request: UpstreamRequest) => OriginAct = () => ({ status: 404 });
  readonly asked: UpstreamRequest[] = [];
  readonly region = new Map<string, StoredResponse<string>>();
  isRegionAway = false;
  regionCalls = 0;
  /** What the region has found gets here when this settles. */
  regionAnswers: Promise<void> = Promise.resolve();
  /** Scopes that were marked as purged. */
  readonly marked: string[] = [];
  memory: MemoryStore<string> = newMemory();
  readonly #background: Promise<unknown>[] = [];
  readonly #flights = new Flights<string>(100);
  readonly #targets = new TargetBook(100);
  readonly #written = new WrittenKeys({ keysMax: 100, keptMs: 30_000 });
  readonly #policy: CachePolicy;
  readonly #settings: SiteSettings | undefined;
  readonly #hooks: SiteHooks | undefined;
  readonly #health: ContentPorts<string>["health"];
  /** What the region holds, with every variant; `region` shows the newest of each key. */
  readonly #cell = newMemory();

  constructor(policy: CachePolicy = PUBLISHED, settings?: SiteSettings, hooks?: SiteHooks) {
    this.#hooks = hooks;
    this.#policy = policy;
    this.#settings = settings;
    const spared = new SparedTargets({
      firstMs: 1_000,
      sparedMs: 10_000,
      targetsMax: 100,
    });
    this.#health = { state: INITIAL_HEALTH, tolerance: policy.tolerance, spared };
  }

  /** Sends a request and waits for what goes on behind its answer. */
  async send(
    rawTarget: string,
    fields: FieldList = [],
    method = "GET",
  ): Promise<ContentAnswer<string>> {
    const request = {
      method,
      host: "site.example",
      arrival: { host: "site.example", scheme: "http" },
      rawTarget,
      fields: linesOf(fields),
      fieldList: () => fields,
      body: null,
    } as const;
    const site = {
      name: "main",
      policy: this.#policy,
      onlyHost: () => null,
      settings: this.#settings,
      hooks: this.#hooks,
    };
    const answer = await serveSite(request, site, this.#ports());
    while (this.#background.length > 0) await this.#background.pop();
    return answer;
  }

  /** Another isolate: nothing in memory, the same region. */
  forgetMemory(): void {
    this.memory = newMemory();
  }

  #ports(): ContentPorts<string> {
    return {
      memory: this.memory,
      region: {
        get: async (key, selecting) => {
          const found = this.#fromRegion(key, linesOf(selecting));
          await this.regionAnswers;
          return found;
        },
        getTagged: async (key, tag) => this.#cell.getTagged(key, tag, this.nowMs),
        put: async (key, stored) => this.#toRegion(key, stored),
        delete: async (key) => this.#dropRegion(key),
        claimFill: async () => "fill",
        endFill: async () => undefined,
      },
      origin: { fetch: async (request) => this.#ask(request) },
      encoder: { encode: (body, coding) => `${coding}(${body.length})` },
      health: this.#health,
      purges: {
        book: NO_PURGES,
        isCurrent: true,
        renew: async () => undefined,
        mark: async (scopes) => void this.marked.push(...scopes),
      },
      flights: this.#flights,
      targets: this.#targets,
      written: this.#written,
      nowMs: () => this.nowMs,
      within: async (work) => (this.#isSlow ? "late" : work),
      background: (work) => void this.#background.push(work),
    };
  }

  #isSlow = false;

  #fromRegion(key: string, selecting: FieldLines): RegionFinding<string> {
    this.regionCalls += 1;
    if (this.isRegionAway) return { kind: "unavailable" };
    const stored = this.#cell.get(key, this.nowMs, selecting);
    return stored === null
      ? { kind: "none", tags: this.#cell.tags(key, this.nowMs), isClaimed: false }
      : { kind: "found", stored };
  }

  #toRegion(key: string, stored: StoredResponse<string>): void {
    if (this.isRegionAway) return;
    this.#cell.put(key, stored, this.nowMs);
    this.region.set(key, stored);
  }

  #dropRegion(key: string): void {
    this.#cell.delete(key);
    this.region.delete(key);
  }

  #ask(
    request: UpstreamRequest,
  ): UpstreamReply<string> | { kind: "failed"; reason: OriginFailure } {
    this.asked.push(request);
    const act = this.answer(request);
    this.#isSlow = "isSlow" in act && act.isSlow === true;
    if ("failure" in act) return { kind: "failed", reason: act.failure };
    const body = act.body ?? "";
    return {
      kind: "reply",
      status: act.status,
      fields: act.fields ?? [],
      requestMs: this.nowMs,
      responseMs: this.nowMs,
      body: () => body,
      discard: () => undefined,
      share: (bytesMax) => ({
        open: () => body,
        whole: Promise.resolve(
          body.length > bytesMax
            ? { kind: "too-large" }
            : { kind: "whole", body, bytes: body.length },
        ),
        done: Promise.resolve(),
      }),
    };
  }
}

/** The value of a field of an answer, problems included. */
export function fieldOf(answer: ContentAnswer<string>, name: string): string | null {
  if (answer.kind === "problem") return answer.problem.headers?.[name] ?? null;
  return linesOf(answer.fields).get(name);
}

/** The status of an answer, problems included. */
export function statusOf(answer: ContentAnswer<string>): number {
  return answer.kind === "problem" ? answer.problem.status : answer.status;
}

function newMemory(): MemoryStore<string> {
  return new MemoryStore({
    eviction: "probation",
    bytesMax: 1_000_000,
    entriesMax: 100,
    variantsMax: 64,
    staleMsMax: 7 * DAY_MS,
  });
}
