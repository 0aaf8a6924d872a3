// How are a site's hooks called? One run is one request: what hooks throw, or say what they may not, is
// left out and noted.

import { isFieldValue, linesOf, type FieldList } from "../../http/fields.ts";
import { decideTarget } from "../cache/cache-key.ts";
import type { LifetimeRuling } from "../cache/storing.ts";
import type { FieldChanges, HookFetch, HookRequest, RequestOutcome, SiteHooks } from "./hooks.ts";

/** Texts that a key may depend on besides, and characters of one. */
const PARTS_MAX = 4;
const PART_CHARS_MAX = 64;
/** Fields that one hook changes, and characters of a value. */
const CHANGES_MAX = 32;
const VALUE_CHARS_MAX = 2_048;
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
/** What the cache decides by, and what the connection is made of, is not a hook's to change (P4). */
const OF_RESPONSES =
  /^(?:age|cache-control|cache-status|cdn-.*|connection|content-(?:encoding|length|range)|date|etag|expires|keep-alive|last-modified|pragma|set-cookie|skerry-.*|te|trailer|transfer-encoding|upgrade|vary|via)$/;
/** What a request is, and what it is asked for; the rest is between the deployment and its upstream. */
const OF_REQUESTS =
  /^(?:accept-encoding|cdn-loop|connection|content-.*|cookie|expect|forwarded|host|if-.*|keep-alive|range|skerry-.*|te|trailer|transfer-encoding|upgrade|via)$/;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 307, 308]);
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404, 410, 451]);
const LOCATION = /^[\x21-\x7e]{1,2048}$/;

type Phase = keyof SiteHooks;

/** The hooks of a site at work on one request. */
export class HookRun {
  readonly #hooks: SiteHooks;
  readonly #faults = new Set<string>();
  #parts: readonly string[] = [];
  #isKeyed = true;

  constructor(hooks: SiteHooks) {
    this.#hooks = hooks;
  }

  /** What went wrong, as the details of Cache-Status. */
  get faults(): readonly string[] {
    return [...this.#faults];
  }

  request(request: HookRequest): RequestOutcome | null {
    const outcome = this.#call("onRequest", () => this.#hooks.onRequest?.(request));
    if (outcome === undefined) return null;
    if (isOutcome(outcome)) return outcome;
    this.#note("onRequest");
    return null;
  }

  /** Learns what the key of a request depends on besides. */
  key(request: HookRequest): void {
    if (this.#hooks.onKey === undefined) return;
    const parts = this.#call("onKey", () => this.#hooks.onKey?.(request));
    const isRight =
      Array.isArray(parts) && parts.length <= PARTS_MAX && parts.every((part) => isPart(part));
    if (!isRight) this.#note("onKey");
    this.#parts = isRight ? parts : [];
    this.#isKeyed = isRight;
  }

  /** False: what the key depends on is not known, so that nothing may be shared (P4). */
  get isKeyed(): boolean {
    return this.#isKeyed;
  }

  /** Keys may have more to them than the target. */
  get hasKeys(): boolean {
    return this.#hooks.onKey !== undefined;
  }

  get parts(): readonly string[] {
    return this.#parts;
  }

  fetch(asked: Omit<HookFetch, "parts">, fields: FieldList): FieldList {
    if (this.#hooks.onFetch === undefined) return fields;
    const changes = this.#call("onFetch", () =>
      this.#hooks.onFetch?.({ ...asked, parts: this.#parts }),
    );
    return this.#changed("onFetch", fields, changes, OF_REQUESTS);
  }

  response<Reply extends { readonly status: number; readonly fields: FieldList }>(
    asked: Omit<HookFetch, "parts">,
    reply: Reply,
  ): Reply & { readonly rule?: LifetimeRuling } {
    if (this.#hooks.onResponse === undefined) return reply;
    const { status } = reply;
    const said = this.#call("onResponse", () =>
      this.#hooks.onResponse?.(
        { ...asked, parts: this.#parts },
        { status, fields: linesOf(reply.fields) },
      ),
    );
    const fields = this.#changed("onResponse", reply.fields, said?.fields, OF_RESPONSES);
    const { lifetime } = said ?? {};
    if (lifetime === undefined) return { ...reply, fields };
    if (isRuling(lifetime)) return { ...reply, fields, rule: lifetime };
    this.#note("onResponse");
    return { ...reply, fields };
  }

  deliver(request: HookRequest, status: number, fields: FieldList): FieldList {
    if (this.#hooks.onDeliver === undefined) return fields;
    const changes = this.#call("onDeliver", () =>
      this.#hooks.onDeliver?.(request, { status, fields: linesOf(fields) }),
    );
    return this.#changed("onDeliver", fields, changes, OF_RESPONSES);
  }

  #call<T>(phase: Phase, hook: () => T): T | undefined {
    try {
      return hook();
    } catch {
      this.#note(phase);
      return undefined;
    }
  }

  #note(phase: Phase): void {
    this.#faults.add(`${phase.toLowerCase()}-failed`);
  }

  #changed(
    phase: Phase,
    fields: FieldList,
    changes: FieldChanges | undefined,
    kept: RegExp,
  ): FieldList {
    const all = Object.entries(changes ?? {});
    const right = all.filter((change) => isChange(change, kept)).slice(0, CHANGES_MAX);
    if (right.length < all.length) this.#note(phase);
    const names = new Set(right.map(([name]) => name));
    const set = right.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
    return names.size === 0 ? fields : [...fields.filter(([name]) => !names.has(name)), ...set];
  }
}

function isOutcome(outcome: RequestOutcome): boolean {
  if (outcome.kind === "rewrite")
    return decideTarget(outcome.path + outcome.query).kind === "target";
  if (outcome.kind === "redirect")
    return REDIRECTS.has(outcome.status) && LOCATION.test(outcome.location);
  return (
    outcome.kind === "refuse" && REFUSALS.has(outcome.status) && typeof outcome.detail === "string"
  );
}

function isPart(part: unknown): boolean {
  return typeof part === "string" && part.length <= PART_CHARS_MAX && part.isWellFormed();
}

function isChange([name, value]: [string, unknown], kept: RegExp): boolean {
  if (!NAME.test(name) || kept.test(name)) return false;
  if (value === null) return true;
  return typeof value === "string" && value.length <= VALUE_CHARS_MAX && isFieldValue(value);
}

function isRuling(said: LifetimeRuling): boolean {
  const times = [said.ttl, said.override, said.staleWhileRevalidate, said.staleIfError];
  return (
    typeof said.store === "boolean" &&
    times.every((one) => one === undefined || (Number.isSafeInteger(one) && one >= 0))
  );
}
