// The floor: a Worker that does nothing but answer, with the fields that it is given.

interface Env {
  /** A list of name and value, as JSON. */
  readonly FIELDS: string;
  readonly BYTES: string;
}

let made: { readonly headers: Headers; readonly body: Uint8Array<ArrayBuffer> } | null = null;

function make({ FIELDS, BYTES }: Env): NonNullable<typeof made> {
  const headers = new Headers();
  for (const [name, value] of JSON.parse(FIELDS) as [string, string][]) headers.append(name, value);
  return { headers, body: new Uint8Array(Number(BYTES)).fill(97) };
}

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default {
  fetch(_request: Request, env: Env): Response {
    made ??= make(env);
    return new Response(made.body, { headers: made.headers });
  },
};
