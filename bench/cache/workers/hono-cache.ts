// Hono with its own cache middleware, in front of the same upstream.

import { Hono } from "hono/tiny";
import { cache } from "hono/cache";

interface Env {
  readonly Bindings: { readonly UPSTREAM: string };
}

const app = new Hono<Env>();
app.use("*", cache({ cacheName: "bench", wait: false }));
app.get("*", (c) => {
  const { pathname, search } = new URL(c.req.url);
  return fetch(c.env.UPSTREAM + pathname + search, c.req.raw);
});

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default app;
