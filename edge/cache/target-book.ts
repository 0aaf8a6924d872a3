// Which requests may share one answer of the upstream? What an isolate has learnt of its targets: by
// which fields each was last selected, and which were last answered with what nobody else may have.

import type { FieldLines } from "../../http/fields.ts";
import { hasDirective, parseCacheControl } from "../../http/cache-control.ts";
import type { CachePolicy } from "./cache-policy.ts";
import { selectingLines } from "./variant.ts";

/** What is known of a target. */
type Known =
  | { readonly kind: "shared"; readonly names: readonly string[] }
  | { readonly kind: "unshared"; readonly untilMs: number; readonly mayBeStored: boolean };

/** A request as it is asked whether it may share. */
export interface Sharing {
  readonly key: string;
  readonly method: string;
  readonly fields: FieldLines;
  readonly policy: CachePolicy;
}

/** What may fly together, or why a request flies alone. */
export type FlightDecision =
  | { readonly kind: "together"; readonly id: string }
  | {
      readonly kind: "alone";
      readonly reason: "method" | "range" | "request" | "hit-for-miss" | "stored-unshared";
    };

/** What is known of targets; what was learnt longest ago is forgotten first (P8). */
export class TargetBook {
  readonly #targetsMax: number;
  readonly #known = new Map<string, Known>();

  constructor(targetsMax: number) {
    this.#targetsMax = targetsMax;
  }

  /** Decides with whom a request may share what comes; `id` names those of one answer. */
  decideFlight(asked: Sharing, nowMs: number): FlightDecision {
    const { method, fields, policy } = asked;
    if (method !== "GET") return { kind: "alone", reason: "method" };
    // Of any other server's target a part is asked for as such: it is nobody else's answer.
    if (!policy.isPublished && fields.has("range")) return { kind: "alone", reason: "range" };
    if (isForItself(fields, policy)) return { kind: "alone", reason: "request" };
    const target = targetOf(asked);
    const known = this.#known.get(target);
    if (known?.kind === "unshared" && nowMs < known.untilMs) {
      return { kind: "alone", reason: known.mayBeStored ? "stored-unshared" : "hit-for-miss" };
    }
    if (known?.kind !== "shared") return { kind: "together", id: target };
    const lines = selectingLines(fields, policy);
    const values = known.names.flatMap((name) => {
      const value = lines.get(name);
      return value === null ? [] : [[name, value]];
    });
    // Who selects by nothing goes with those who came before it was known what selects.
    const id = values.length === 0 ? target : `${target} ${JSON.stringify(values)}`;
    return { kind: "together", id };
  }

  /** Learns by which fields what came for a request is selected. */
  noteShared(asked: Sharing, names: readonly string[]): void {
    this.#note(targetOf(asked), names.length === 0 ? null : { kind: "shared", names });
  }

  /**
   * Learns that what came was for nobody else: until then nobody waits for another's answer.
   *
   * @param mayBeStored  A tier may have something for it all the same.
   */
  noteUnshared(asked: Sharing, untilMs: number, mayBeStored: boolean): void {
    this.#note(targetOf(asked), { kind: "unshared", untilMs, mayBeStored });
  }

  #note(target: string, known: Known | null): void {
    this.#known.delete(target);
    if (known === null) return;
    this.#known.set(target, known);
    const oldest = this.#known.keys().next();
    if (this.#known.size > this.#targetsMax && oldest.done !== true)
      this.#known.delete(oldest.value);
  }
}

/** What names a person is kept apart: its answer may be private where another's is for all (P4). */
function targetOf({ key, fields }: Sharing): string {
  return fields.has("authorization") || fields.has("cookie") ? `${key} personal` : key;
}

/** A stream of events has no end to wait for, and a client that is obeyed may want its own answer. */
function isForItself(fields: FieldLines, policy: CachePolicy): boolean {
  if (fields.get("accept")?.includes("text/event-stream") === true) return true;
  if (!policy.obeysClient) return false;
  const control = parseCacheControl(fields.get("cache-control"));
  return ["no-store", "no-cache", "max-age"].some((name) => hasDirective(control, name));
}
