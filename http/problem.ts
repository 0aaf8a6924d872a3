// How does a door say no? As application/problem+json (RFC 9457), naming the field and the fix.

/** One thing that is wrong inside a request; `pointer` is a JSON Pointer (RFC 6901) into its body. */
export interface ProblemItem {
  readonly pointer?: string;
  readonly stream?: string;
  readonly index?: number;
  readonly code: string;
  readonly message: string;
}

/** A problem document with the HTTP status it is sent with. */
export interface Problem {
  /** The last part of the `type` URI: kebab-case and stable, clients switch on it. */
  readonly code: string;
  readonly status: number;
  readonly title: string;
  /** What was wrong with this request and what to do about it. */
  readonly detail: string;
  readonly errors?: readonly ProblemItem[];
  /** Fields that belong with the answer: Retry-After, WWW-Authenticate, Allow. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Items of `errors` in an answer. */
const ITEMS_MAX = 20;

/** Says what is wrong in a body, at most 20 of it; `lead` is what that comes to. */
export function malformed(
  faults: readonly ProblemItem[],
  lead = "The body is not what this needs",
): Problem {
  const errors = faults.slice(0, ITEMS_MAX);
  const items = errors.map(({ pointer = "", message }) => `${pointer} ${message}`.trim());
  const detail = `${lead}: ${items.join("; ")}`;
  return { code: "malformed", status: 400, title: "Malformed request", detail, errors };
}

/** Formats the problem's JSON body; `type` is a URN because a deployment's host is not ours to know. */
export function formatProblem(problem: Problem): string {
  const document = JSON.stringify({
    type: `urn:skerry:problem:${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  });
  return `${document}\n`;
}
