// The edge as somebody would mount it in an application of theirs: behind Hono.

import { Hono } from "hono/tiny";
import edge from "../../../edge/worker.ts";
import type { EdgeEnv } from "../../../edge/platform/env.ts";

export { ContentCell, DeviceHub, RegionCell } from "../../../edge/worker.ts";

const app = new Hono<{ Bindings: EdgeEnv }>();
app.all("*", (c) => edge.fetch(c.req.raw, c.env, c.executionCtx as ExecutionContext));

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default app;
