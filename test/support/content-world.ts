// A content edge in one object: memory, region and origin are plain values, time is a number, and
// bodies are strings. The origin does what `answer` says.

import type { StoredResponse } from "../../edge/cache/stored-response.ts";
import type { ContentAnswer } from "../../edge/cache/answer.ts";
import type {
  ContentPorts,
  RegionFinding,
  UpstreamReply,
  UpstreamRequest,
} from "../../edge/content-ports.ts";
import { MemoryStore } from "../../edge/platform/memory-store.ts";
import { INITIAL_HEALTH, type OriginFailure } from "../../edge/routing/origin-health.ts";
import { serveContent } from "../../edge/serve.ts";
import { linesOf, type FieldList } from "../../http/fields.ts";

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
  memory: MemoryStore<string> = newMemory();
  readonly #background: Promise<unknown>[] = [];
  readonly #health = { state: INITIAL_HEALTH };

  /** Sends a request and waits for what goes on behind its answer. */
  async send(
    rawTarget: string,
    fields: FieldList = [],
    method = "GET",
  ): Promise<ContentAnswer<string>> {
    const request = { method, host: "site.example", rawTarget, fields: linesOf(fields) };
    const answer = await serveContent(request, { "site.example": "main" }, this.#ports());
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
        get: async (key) => this.#fromRegion(key),
        put: async (key, stored) => void (this.isRegionAway || this.region.set(key, stored)),
        delete: async (key) => void this.region.delete(key),
      },
      origin: { fetch: async (request) => this.#ask(request) },
      health: this.#health,
      nowMs: () => this.nowMs,
      within: async (work) => (this.#isSlow ? "late" : work),
      background: (work) => void this.#background.push(work),
    };
  }

  #isSlow = false;

  #fromRegion(key: string): RegionFinding<string> {
    this.regionCalls += 1;
    if (this.isRegionAway) return { kind: "unavailable" };
    const stored = this.region.get(key);
    return stored === undefined ? { kind: "none" } : { kind: "found", stored };
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
      read: async (bytesMax) =>
        body.length > bytesMax
          ? { kind: "too-large", body }
          : { kind: "whole", body, bytes: body.length },
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
  return new MemoryStore({ bytesMax: 1_000_000, entriesMax: 100, staleMsMax: 7 * DAY_MS });
}
