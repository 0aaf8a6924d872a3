// What happens around every request of both Workers? A scope is opened, the log line written, and a
// mistake of ours becomes a 500 problem with an id to find it by.

import { closeScope, log, openScope, type RequestScope } from "./access-log.ts";
import { isHostField } from "../http/host.ts";
import type { Problem } from "../http/problem.ts";
import { problemResponse } from "./respond.ts";

/** Runs `answer` for a request, inside its scope. Never throws. */
export async function serveWorker(
  request: Request,
  answer: (scope: RequestScope) => Promise<Response> | Response,
): Promise<Response> {
  const startedMs = Date.now();
  const scope = openScope(request);
  try {
    // The runtime makes request.url out of the Host field as it came: a "/" in it would become a
    // part of the path, and a URL that does not parse would throw in every handler.
    const isSound =
      URL.canParse(request.url) && isHostField(request.headers.get("host") ?? "unnamed");
    const response = isSound ? await answer(scope) : problemResponse(BAD_HOST);
    return closeScope(scope, request, response, startedMs);
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    log("failed", { requestId: scope.requestId, error: String(error), stack });
    const failed = problemResponse({
      code: "internal",
      status: 500,
      title: "Internal error",
      detail: `Something went wrong that is not your fault; the log has it under ${scope.requestId}`,
    });
    return closeScope(scope, request, failed, startedMs);
  }
}

const BAD_HOST: Problem = {
  code: "bad-host",
  status: 400,
  title: "Not a host",
  detail: "The Host field is a name or an address, with or without a port",
};
