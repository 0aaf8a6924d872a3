// Which requests leave a line in the log?

import assert from "node:assert/strict";
import { test } from "node:test";
import { LOGGED } from "../../../doors/access-log.ts";
import { serveWorker } from "../../../doors/serve-worker.ts";

test("all requests leave a line, or those that are answered with a server error, or none", async (t) => {
  for (const logged of LOGGED) {
    const { mock } = t.mock.method(console, "log", () => undefined);
    for (const status of [200, 404, 500, 504]) {
      const request = new Request("https://one.test/page");
      const response = await serveWorker(
        request,
        () => new Response(null, { status }),
        () => logged,
      );
      assert.match(response.headers.get("x-request-id") ?? "", /./);
    }
    const lines = mock.calls.map(({ arguments: [line] }) => JSON.parse(String(line)) as object);
    const statuses = lines.map((line) => ("status" in line ? line.status : null));
    const expected = { all: [200, 404, 500, 504], errors: [500, 504], none: [] };
    assert.deepEqual(statuses, expected[logged]);
    mock.restore();
  }
});

test("what went wrong with a request is told, whichever of them are", async (t) => {
  const { mock } = t.mock.method(console, "log", () => undefined);
  const torn = (): Response => {
    throw new Error("torn");
  };
  const request = new Request("https://one.test/page");
  assert.equal((await serveWorker(request, torn, () => "none")).status, 500);
  assert.match(String(mock.calls[0]?.arguments[0]), /"event":"failed".*torn/);
});
