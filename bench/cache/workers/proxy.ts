// A Worker that passes each request on and keeps nothing.

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default {
  fetch(request: Request, { UPSTREAM }: { readonly UPSTREAM: string }): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    return fetch(UPSTREAM + pathname + search, request);
  },
};
