// How is a HEAD answered that nothing fresh is stored for? By the upstream's HEAD; and what that says
// of the stored GET counts: the same validators and length freshen it, others end it (RFC 9111 §4.3.5).

import { lookupFields, ruledExchange, type AskedContent } from "./asked-content.ts";
import { answerStored, type ContentAnswer } from "./cache/answer.ts";
import { freshenByHead } from "./cache/freshening.ts";
import type { StoredResponse } from "./cache/stored-response.ts";
import { decideStoring } from "./cache/storing.ts";
import { passedMembers, type Found } from "./cache/tiers.ts";
import type { ContentPorts, UpstreamReply } from "./content-ports.ts";
import { limits } from "./limits.ts";
import { claimAsk, noteReply, passReply, refusePassing, type Passing } from "./pass-content.ts";
import { refusalNow } from "./fill-checks.ts";
import { storedFieldsOf } from "./store-reply.ts";

/** Passes a HEAD on; null: the upstream failed, and what is stored may be served instead. */
export async function headContent<Body>(
  asked: AskedContent,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body> | null> {
  const { candidate } = found;
  const passing: Passing<Body> = {
    request: asked.fields,
    policy: asked.policy,
    upstream: { method: "HEAD", target: asked.upstream, fields: lookupFields(asked, false) },
    members: (fwdStatus) =>
      passedMembers(found, fwdStatus === null ? {} : { fwdStatus, detail: "method" }),
    decision: "passed:method",
  };
  const { reuse } = candidate ?? {};
  const isForErrors = reuse?.kind === "validate-or-serve-stale" && reuse.isForErrors;
  const claim = claimAsk(ports, false);
  if (claim.kind === "hold") return refusePassing(passing, claim.reason, claim.retryAfterMs);
  const askedMs = ports.nowMs();
  const reply = await ports.origin.fetch(passing.upstream);
  noteReply(reply, asked.policy, askedMs, ports);
  if (reply.kind === "failed") {
    return isForErrors ? null : refusePassing(passing, reply.reason, limits.originProbeMs);
  }
  if (reply.status >= 500 && isForErrors) {
    reply.discard();
    return null;
  }
  const fresh =
    candidate === null ? null : await freshenStored(asked, candidate.stored, reply, ports);
  if (fresh === null) return passReply(passing, reply, ports);
  reply.discard();
  const stored = { fwdStatus: reply.status, isStored: true };
  const members = passedMembers(found, stored, ports.memory.keepsNothing !== true);
  const decision = "validated";
  const how = { ageS: null, isReuse: false, members, decision, nowMs: ports.nowMs() };
  return answerStored(asked, fresh, how);
}

/** Brings the stored GET up to date with a HEAD; null: the HEAD is not about it. */
async function freshenStored<Body>(
  asked: AskedContent,
  { meta, body }: StoredResponse<Body>,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<StoredResponse<Body> | null> {
  // What was written since it was asked says nothing of the stored GET, which that write has ended.
  if (reply.status !== meta.status || refusalNow(asked, reply, ports) !== null) return null;
  const freshening = freshenByHead(meta, reply.fields, asked.policy.suspectsRequests);
  if (freshening.kind === "unproved") return null;
  const exchange = { ...reply, method: "GET" };
  const storing =
    freshening.kind === "mismatch"
      ? null
      : decideStoring(
          ruledExchange(asked, { ...exchange, fields: freshening.fields }),
          asked.policy,
          limits,
        );
  if (freshening.kind === "mismatch" || storing?.kind !== "store") {
    ports.memory.delete(asked.key);
    await ports.region.delete(asked.key);
    return null;
  }
  const { kind: _kind, reason: _reason, ...policy } = storing;
  const { requestMs, responseMs } = reply;
  const fields = storedFieldsOf(freshening.fields);
  const fresh = { meta: { ...meta, ...policy, fields, requestMs, responseMs }, body };
  ports.memory.put(asked.key, fresh, ports.nowMs());
  ports.background(ports.region.put(asked.key, fresh, null));
  return fresh;
}
