// The floor of whatever is mounted behind Hono: the bare handler there.

import { Hono } from "hono/tiny";
import bare from "./bare.ts";

const app = new Hono<{ Bindings: Parameters<typeof bare.fetch>[1] }>();
app.all("*", (c) => bare.fetch(c.req.raw, c.env));

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default app;
