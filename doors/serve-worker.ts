// What happens around every request of both Workers? A scope is opened, the log line written, and a
// mistake of ours becomes a 500 problem with an id to find it by. No answer leaves before the body
// that it is for has come in, so that the client is there to read it.

import { closeScope, log, openScope, type Logged, type RequestScope } from "./access-log.ts";
import { isHostField } from "../http/host.ts";
import type { Problem } from "../http/problem.ts";
import { discardBody } from "./read-body.ts";
import { problemResponse } from "./respond.ts";

/**
 * Runs `answer` for a request and its URL, inside its scope. Never throws.
 *
 * @param logged Which requests leave a line, asked for once it is answered.
 */
export async function serveWorker(
  request: Request,
  answer: (scope: RequestScope, url: URL) => Promise<Response> | Response,
  logged: () => Logged = () => "all",
): Promise<Response> {
  const startedMs = Date.now();
  const scope = openScope(request);
  const response = await answerOrProblem(request, answer, scope);
  await discardBody(request);
  return closeScope(scope, request, response, startedMs, logged());
}

async function answerOrProblem(
  request: Request,
  answer: (scope: RequestScope, url: URL) => Promise<Response> | Response,
  scope: RequestScope,
): Promise<Response> {
  try {
    // The runtime makes request.url out of the Host field as it came: a "/" in it would become a
    // part of the path, and a URL that does not parse would throw in every handler.
    const { url } = scope;
    const isSound = isHostField(request.headers.get("host") ?? "unnamed");
    return isSound && url !== null ? await answer(scope, url) : problemResponse(BAD_HOST);
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    log("failed", { requestId: scope.requestId, error: String(error), stack });
    return problemResponse({
      code: "internal",
      status: 500,
      title: "Internal error",
      detail: `Something went wrong that is not your fault; the log has it under ${scope.requestId}`,
    });
  }
}

const BAD_HOST: Problem = {
  code: "bad-host",
  status: 400,
  title: "Not a host",
  detail: "The Host field is a name or an address, with or without a port",
};
