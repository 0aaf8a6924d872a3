// What is said to whoever writes more into a shadow than it holds, at the edge and at the origin?

import type { Problem } from "../http/problem.ts";

/** Names the side that is too large, what it may have, and what it would have: `8192 bytes`. */
export function shadowTooLarge(side: "desired" | "reported", most: string, found: number): Problem {
  return {
    code: "shadow-too-large",
    status: 413,
    title: "Shadow too large",
    detail: `Nothing is written: "${side}" has at most ${most}, and would have ${found}; delete fields by patching them with null`,
    errors: [{ pointer: `/${side}`, code: "shadow-too-large", message: `at most ${most}` }],
  };
}
