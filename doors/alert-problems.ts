// What can be wrong with what is asked of alerts? The same at both ends.

import type { Problem } from "../http/problem.ts";

export function alertQueryProblem(detail: string): Problem {
  return { code: "alert-query", status: 400, title: "Not a filter of this list", detail };
}

export function alertUnknown(id: string): Problem {
  return {
    code: "alert-unknown",
    status: 404,
    title: "There is no such alert",
    detail: `No alert "${id.slice(0, 128)}" is known here: of a rule and a device the last few are kept, and one that is over for 30 days`,
  };
}

export function alertOver(id: string): Problem {
  return {
    code: "alert-over",
    status: 409,
    title: "The alert is over",
    detail: `"${id.slice(0, 128)}" is resolved: there is nothing to acknowledge any more`,
  };
}
