// How does a WebSocket reach an upstream? The runtime joins the two ends; nothing of it is read here.

import type { FieldList } from "../../http/fields.ts";
import { answerProblem, upgradedFields } from "../cache/answer.ts";
import { originFailed } from "../cache/problems.ts";
import { limits } from "../limits.ts";
import type { OriginFailure } from "../routing/origin-health.ts";
import { responseOf } from "./content-response.ts";

/** Opens a WebSocket at `url` and answers with it, or with what the upstream says instead. */
export async function passSocket(url: string, fields: FieldList): Promise<Response> {
  const headers = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
  headers.set("upgrade", "websocket");
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), limits.originTimeoutMs);
  try {
    const { signal } = controller;
    // A cache between would keep what is said instead, for whoever asks next.
    const reply = await fetch(url, { headers, redirect: "manual", cache: "no-store", signal });
    const { status, webSocket } = reply;
    const said = upgradedFields(status, [...reply.headers]);
    const shown = new Headers(said.map(([...field]) => field));
    if (webSocket !== null) return new Response(null, { status: 101, webSocket, headers: shown });
    if (status < 200) return failed("origin-error");
    return new Response(reply.body, { status, headers: shown });
  } catch {
    const reason = controller.signal.aborted ? "origin-timeout" : "origin-unreachable";
    return failed(reason);
  } finally {
    clearTimeout(timer);
  }
}

function failed(reason: OriginFailure): Response {
  const member = { cache: "skerry-memory", outcome: "bypass", detail: reason } as const;
  const problem = originFailed(reason, limits.originProbeMs);
  return responseOf(answerProblem(problem, [member], `failed:${reason}`));
}
