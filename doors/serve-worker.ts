// What happens around every request of both Workers? A scope is opened, the log line written, and a
// mistake of ours becomes a 500 problem with an id to find it by.

import { closeScope, log, openScope, type RequestScope } from "./access-log.ts";
import { problemResponse } from "./respond.ts";

/** Runs `answer` for a request, inside its scope. Never throws. */
export async function serveWorker(
  request: Request,
  answer: (scope: RequestScope) => Promise<Response> | Response,
): Promise<Response> {
  const startedMs = Date.now();
  const scope = openScope(request);
  try {
    return closeScope(scope, request, await answer(scope), startedMs);
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
