// How does a WebSocket reach an upstream? The runtime joins the two ends; nothing of it is read here.

import { problemResponse } from "../../doors/respond.ts";
import type { FieldList } from "../../http/fields.ts";
import { publicFields } from "../cache/answer.ts";
import { originFailed } from "../cache/problems.ts";
import { limits } from "../limits.ts";

/** Opens a WebSocket at `url` and answers with it, or with what the upstream says instead. */
export async function passSocket(url: string, fields: FieldList): Promise<Response> {
  const headers = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
  headers.set("upgrade", "websocket");
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), limits.originTimeoutMs);
  try {
    const { signal } = controller;
    const reply = await fetch(url, { headers, redirect: "manual", signal });
    const shown = new Headers(publicFields([...reply.headers]).map(([...field]) => field));
    const { status, webSocket } = reply;
    if (webSocket !== null) return new Response(null, { status: 101, webSocket, headers: shown });
    if (status < 200) return problemResponse(originFailed("origin-error", limits.originProbeMs));
    return new Response(reply.body, { status, headers: shown });
  } catch {
    const reason = controller.signal.aborted ? "origin-timeout" : "origin-unreachable";
    return problemResponse(originFailed(reason, limits.originProbeMs));
  } finally {
    clearTimeout(timer);
  }
}
