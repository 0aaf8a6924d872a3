// How does one exchange of a link come in and go out? Sealed with the link's key both ways, and
// bounded.

import { notConfigured } from "../../doors/auth.ts";
import { readBody } from "../../doors/read-body.ts";
import { problemResponse } from "../../doors/respond.ts";
import { downContext, seal, SEAL_BYTES, unseal, upContext } from "../../doors/seal.ts";
import type { Problem } from "../../http/problem.ts";
import { FRAME_BYTES_MAX } from "../../sync/limits.ts";
import { limits } from "../limits.ts";

/** What the hub of a range says to a frame. */
export type HubAnswer =
  | { readonly kind: "answered"; readonly answer: Uint8Array }
  | { readonly kind: "no-room"; readonly replica: string }
  | { readonly kind: "not-a-frame"; readonly reason: string };

/** Opens the request's frame, hands it to the hub of `range`, and seals its answer. */
export async function answerSealed(
  request: Request,
  range: string,
  linkKey: CryptoKey | null,
  exchange: (frame: Uint8Array) => Promise<HubAnswer>,
): Promise<Response> {
  if (linkKey === null)
    return problemResponse(notConfigured(["LINK_KEY (the key that frames are sealed with)"]));
  const body = await readBody(request, FRAME_BYTES_MAX + SEAL_BYTES);
  if (body.kind !== "bytes")
    return problemResponse(badFrame(body.kind, body.kind === "too-large" ? 413 : 400));
  const frame = await unseal(linkKey, upContext(range), body.bytes);
  if (frame === null) return problemResponse(WRONG_SEAL);
  const outcome = await exchange(frame);
  if (outcome.kind === "not-a-frame") return problemResponse(badFrame(outcome.reason, 400));
  if (outcome.kind === "no-room") return problemResponse(tooManyReplicas(outcome.replica));
  const sealed = await seal(linkKey, downContext(range, body.bytes), outcome.answer);
  return new Response(sealed, {
    headers: { "content-type": "application/octet-stream", "cache-control": "no-store" },
  });
}

const WRONG_SEAL: Problem = {
  code: "wrong-seal",
  status: 401,
  title: "Not authenticated",
  detail:
    "The frame is not sealed with this origin's link key: edge and origin need the same LINK_KEY",
  headers: { "www-authenticate": 'Skerry-Link realm="skerry"' },
};

function tooManyReplicas(replica: string): Problem {
  return {
    code: "too-many-replicas",
    status: 429,
    title: "Too many replicas",
    detail: `"${replica}" is not known here, and ${limits.replicasMax} replicas are: readings of a new region find room when one has been silent for ${limits.regionLeaseMs / 86_400_000} days. If regions are not that many, something with the link's key makes up names: replace LINK_KEY`,
    headers: { "retry-after": "3600" },
  };
}

function badFrame(code: string, status: number): Problem {
  return {
    code,
    status,
    title: "Not a frame",
    detail: `The body is not a sealed frame of this protocol: ${code}`,
  };
}
