// How does the origin's answer get into the cache? Asks for one target, validating what is stored,
// and does with the answer what the decisions of edge/cache say. Never decides who waits for it.

import { fieldBytesOf, linesOf } from "../http/fields.ts";
import { parseRange } from "../http/range.ts";
import { lookupFields, ruledExchange, type AskedContent } from "./asked-content.ts";
import { freshenFields } from "./cache/freshening.ts";
import { tagOf, type StoredResponse } from "./cache/stored-response.ts";
import { decideStoring } from "./cache/storing.ts";
import {
  conditionalFieldsOf,
  decideValidation,
  type ValidationOutcome,
} from "./cache/validation.ts";
import type { ContentPorts } from "./content-ports.ts";
import { limits } from "./limits.ts";
import { noteFailure, spareTarget, unspareTarget } from "./pass-content.ts";
import { afterAnswer, afterServerError, type OriginFailure } from "./routing/origin-health.ts";
import {
  datedFields,
  forget,
  keep,
  metaOf,
  NOTHING_REPLACED,
  pass,
  storedFieldsOf,
  storeReply,
  unstored,
  type Answered,
  type Refreshed,
  type Replacing,
  type Stored,
} from "./store-reply.ts";

/** What is stored and does not answer by itself. */
export interface Doubtful<Body> {
  /** No longer fresh, to be validated; null if nothing is. */
  readonly stale: StoredResponse<Body> | null;
  /** It may be served instead of an error. */
  readonly isForErrors: boolean;
  /** Entity tags of variants that the request does not select. */
  readonly otherTags: readonly string[];
}

/** Nothing is stored that could help. */
export const NOTHING_STORED: Doubtful<never> = { stale: null, isForErrors: false, otherTags: [] };

/** Asks the upstream for a target and brings memory, region and the belief about it up to date. */
export async function refreshContent<Body>(
  asked: AskedContent,
  doubtful: Doubtful<Body>,
  ports: ContentPorts<Body>,
  asksMax: number = limits.purgedFillsMax,
): Promise<Refreshed<Body>> {
  const askedMs = ports.nowMs();
  const refreshed = await askOnce(asked, doubtful, ports);
  if (refreshed !== "purged") {
    if (doubtful.stale !== null) noteTarget(asked, refreshed, askedMs, ports);
    return refreshed;
  }
  // P5: what was purged while it was on its way is asked for again, and what it would renew is dead too.
  return asksMax > 1
    ? refreshContent(asked, NOTHING_STORED, ports, asksMax - 1)
    : { kind: "failed", reason: "origin-slow", reply: null };
}

/**
 * Leaves a target alone for a while that failed and can be served stale; not one that answered. While
 * the upstream itself counts as away there is one belief about all of its targets.
 */
function noteTarget<Body>(
  asked: AskedContent,
  refreshed: Refreshed<Body>,
  askedMs: number,
  ports: ContentPorts<Body>,
): void {
  const { state } = ports.health;
  if (refreshed.kind !== "failed") return unspareTarget(asked, ports);
  // What hung while the upstream did, and times out now that it is well, says nothing of its target.
  const isOver = refreshed.reason === "origin-timeout" && askedMs < (state.answeredMs ?? -Infinity);
  if (state.kind === "up" && !isOver) spareTarget(asked, refreshed.reason, ports);
}

async function askOnce<Body>(
  asked: AskedContent,
  doubtful: Doubtful<Body>,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> {
  const { stale, otherTags } = doubtful;
  const purgeView = ports.purges.book.view;
  // A part that nothing stored could answer is asked for as it is; otherwise all is asked for.
  // Of several ranges a part would be one of the upstream's own making, larger than all of it at worst.
  const isPart = stale === null && parseRange(asked.fields.get("range")).kind !== "none";
  const conditions = isPart ? [] : conditionalFieldsOf(stale?.meta ?? null, otherTags);
  const fields = [...lookupFields(asked, isPart), ...conditions];
  const askedMs = ports.nowMs();
  const came = await ports.origin.fetch({ method: "GET", target: asked.upstream, fields });
  if (came.kind === "failed") return failed(came.reason, askedMs, ports);
  const { run } = asked;
  const { path, query } = asked.target;
  const hooked = run === undefined ? came : run.response({ method: "GET", path, query }, came);
  const reply = { ...hooked, purgeView };
  const validation = decideValidation(reply.status, asked.policy);
  if (validation.kind === "failed") {
    return failedReply(asked, doubtful, validation, reply, ports);
  }
  ports.health.state = afterAnswer(ports.nowMs());
  switch (validation.kind) {
    case "freshen":
      return freshen(asked, doubtful, reply, ports);
    case "replace":
      return storeReply(asked, replacing(doubtful), reply, ports);
    case "drop":
      return pass(asked, reply, "gone", stale !== null, ports);
    case "keep":
      return pass(asked, reply, "unrelated-status", false, ports);
  }
}

/** Takes a server error for no answer, if something stored may be served instead. */
async function failedReply<Body>(
  { policy, ...asked }: AskedContent,
  { stale, isForErrors }: Doubtful<Body>,
  { reason, isAway }: Extract<ValidationOutcome, { kind: "failed" }>,
  reply: Answered<Body>,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> {
  // Without anything stored the error itself is the answer, and one bad page is no outage.
  if (!isAway) ports.health.state = afterAnswer(ports.nowMs());
  else if (stale !== null) failed(reason, reply.requestMs, ports);
  else ports.health.state = afterServerError(ports.health.state);
  const isAnswer = !policy.isPublished && !(stale !== null && isForErrors);
  // Any other server may say itself how long its errors are kept; what is stored is not lost to one.
  if (isAnswer) return storeReply({ policy, ...asked }, NOTHING_REPLACED, reply, ports);
  return { kind: "failed", reason, reply };
}

function replacing({ stale, isForErrors }: Doubtful<unknown>): Replacing {
  const isReplacing = stale !== null;
  return { method: "GET", isReplacing, hasStandIn: isReplacing && isForErrors };
}

/** Brings a stored response up to date with a 304 (RFC 9111 §4.3.4). */
async function freshen<Body>(
  asked: AskedContent,
  { stale, otherTags }: Doubtful<Body>,
  reply: Answered<Body>,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> {
  reply.discard();
  const chosen =
    otherTags.length === 0 ? stale : await chosenBy(asked, stale, otherTags, reply, ports);
  const dated = datedFields(reply);
  const freshening = chosen === null ? null : freshenFields(chosen.meta.fields, dated);
  if (chosen === null || freshening === null || freshening.kind === "mismatch") {
    // A 304 to a request without a condition answers nothing.
    const isConditional = stale !== null || otherTags.length > 0;
    if (!isConditional) return { kind: "failed", reason: "origin-error", reply: null };
    return refreshContent(asked, NOTHING_STORED, ports);
  }
  const age = reply.fields.filter(([name]) => name === "age");
  const fresh = { ...reply, method: "GET", status: chosen.meta.status };
  const exchange = ruledExchange(asked, { ...fresh, fields: [...freshening.fields, ...age] });
  const storing = decideStoring(exchange, asked.policy, limits);
  const fields = storedFieldsOf(freshening.fields);
  if (storing.kind === "store" && fieldBytesOf(fields) <= limits.storedFieldBytesMax) {
    const { status, bodyBytes } = chosen.meta;
    const meta = metaOf(status, fields, bodyBytes, reply, storing);
    return keep(asked, { meta, body: chosen.body }, reply, ports);
  }
  const refusal = storing.kind === "pass" ? storing.reason : "fields-too-large";
  forget(asked.key, ports);
  return unstored({ meta: { ...chosen.meta, fields }, body: chosen.body }, refusal, reply);
}

/** Finds which of several variants a 304 is about; its entity tag says so (RFC 9111 §4.3.4). */
async function chosenBy<Body>(
  asked: AskedContent,
  stale: StoredResponse<Body> | null,
  otherTags: readonly string[],
  reply: Answered<Body>,
  ports: ContentPorts<Body>,
): Promise<StoredResponse<Body> | null> {
  const [only] = otherTags;
  const named = linesOf(reply.fields).get("etag");
  // Without a tag it can only be about the one that was asked about.
  const tag = named ?? (stale === null && otherTags.length === 1 ? (only ?? null) : null);
  if (tag === null) return stale;
  if (stale !== null && tagOf(stale.meta) === tag) return stale;
  return (
    ports.memory.getTagged(asked.key, tag, ports.nowMs()) ??
    (await ports.region.getTagged(asked.key, tag))
  );
}

function failed<Body>(
  reason: OriginFailure,
  askedMs: number,
  ports: ContentPorts<Body>,
): Refreshed<Body> {
  noteFailure(reason, askedMs, ports);
  return { kind: "failed", reason, reply: null };
}
