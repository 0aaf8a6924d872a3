// Is a body bounded by what comes out of it, whatever it says of itself?

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { discardBody, readBody, type BodyReading } from "../../../doors/read-body.ts";

const MAX = 1_000;

function read(body: BodyInit | null, encoding?: string, length?: string): Promise<BodyReading> {
  const headers = new Headers();
  if (encoding !== undefined) headers.set("content-encoding", encoding);
  if (length !== undefined) headers.set("content-length", length);
  const init = { method: "POST", headers, body, duplex: "half" };
  return readBody(new Request("http://edge.test/", init), MAX);
}
const zipped = (bytes: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(gzipSync(Buffer.alloc(bytes, 7)));

const CASES: readonly (readonly [string, BodyInit | null, string | undefined, string | number])[] =
  [
    ["no body", null, undefined, 0],
    ["no body that says gzip", null, "gzip", 0],
    ["an empty body", "", undefined, 0],
    ["a plain body", "abc", undefined, 3],
    ["identity", "abc", "identity", 3],
    ["gzip", zipped(500), "gzip", 500],
    ["gzip in capitals", zipped(5), " GZIP ", 5],
    ["x-gzip", zipped(5), "x-gzip", 5],
    ["a body at the bound", "x".repeat(MAX), undefined, MAX],
    ["a body past the bound", "x".repeat(MAX + 1), undefined, "too-large"],
    ["gzip at the bound", zipped(MAX), "gzip", MAX],
    ["gzip past the bound", zipped(MAX + 1), "gzip", "too-large"],
    ["a bomb", zipped(500_000), "gzip", "too-large"],
    ["half of gzip", zipped(500).slice(0, -10), "gzip", "broken-gzip"],
    ["the head of gzip", zipped(500).slice(0, 5), "gzip", "broken-gzip"],
    ["plain text that says gzip", "abc", "gzip", "broken-gzip"],
    ["nothing that says gzip", new Uint8Array(0), "gzip", "broken-gzip"],
    [
      "gzip with a wrong checksum",
      zipped(500).map((b, i, all) => (i === all.length - 6 ? b ^ 1 : b)),
      "gzip",
      "broken-gzip",
    ],
    ["gzip and more behind it", Uint8Array.of(...zipped(5), 1, 2, 3), "gzip", "broken-gzip"],
    ["br", "abc", "br", "unknown-encoding"],
    ["gzip twice", "abc", "gzip, gzip", "unknown-encoding"],
  ];

for (const [what, body, encoding, expected] of CASES)
  test(`readBody() of ${what}: ${expected}`, async () => {
    const reading = await read(body, encoding);
    assert.equal(reading.kind === "bytes" ? reading.bytes.length : reading.kind, expected);
  });

test("readBody() believes a Content-Length past the bound, and reads nothing", async () => {
  const body = new ReadableStream(
    { pull: () => assert.fail("the body was read") },
    { highWaterMark: 0 },
  );
  const request = new Request("http://edge.test/", {
    method: "POST",
    body,
    duplex: "half",
  } as RequestInit);
  const headers = new Headers({ "content-length": String(MAX + 1) });
  const claimed = Object.defineProperty(request, "headers", { value: headers });
  assert.equal((await readBody(claimed, MAX)).kind, "too-large");
});

test("readBody() does not believe a Content-Length below the bound", async () => {
  const body = new Blob(["x".repeat(MAX + 1)]).stream();
  assert.equal((await read(body, undefined, "1")).kind, "too-large");
});

/** A request with a body of `chunks` pieces of 100 bytes, and what became of it. */
function streamed(chunks: number, length?: string) {
  const seen = { pulls: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        seen.pulls += 1;
        if (seen.pulls > chunks) controller.close();
        else controller.enqueue(new Uint8Array(100));
      },
      cancel: () => {
        seen.isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const headers = new Headers(length === undefined ? {} : { "content-length": length });
  const init = { method: "POST", body, duplex: "half" } as RequestInit;
  const request = new Request("http://edge.test/", init);
  return { seen, request: Object.defineProperty(request, "headers", { value: headers }) };
}

test("readBody() stops at the bound, and discardBody() throws the rest away", async () => {
  const { seen, request } = streamed(50);
  assert.equal((await readBody(request, MAX)).kind, "too-large");
  assert.ok(seen.pulls < 20 && !seen.isCancelled);
  await discardBody(request, 10 * MAX);
  assert.equal(seen.pulls, 51);
  assert.ok(!seen.isCancelled);
});

test("discardBody() gives an endless body up at the bound", async () => {
  const { seen, request } = streamed(Infinity);
  await discardBody(request, MAX);
  assert.ok(seen.pulls < 20 && seen.isCancelled);
});

test("discardBody() gives a body up that does not go on", async () => {
  let isCancelled = false;
  const cancel = () => {
    isCancelled = true;
  };
  const body = new ReadableStream({ cancel });
  const init = { method: "POST", body, duplex: "half" } as RequestInit;
  await discardBody(new Request("http://edge.test/", init), MAX, 5);
  assert.ok(isCancelled);
});

test("discardBody() leaves alone what announces too much, was read, or was handed on", async () => {
  const huge = streamed(50, String(MAX + 1));
  await discardBody(huge.request, MAX);
  assert.equal(huge.seen.pulls, 0);
  const handedOn = streamed(50);
  handedOn.request.body?.pipeThrough(new TransformStream());
  await discardBody(handedOn.request, MAX);
  assert.ok(handedOn.seen.pulls <= 2);
  const read = streamed(2);
  assert.equal((await readBody(read.request, MAX)).kind, "bytes");
  await discardBody(read.request, MAX);
  assert.equal(read.seen.pulls, 3);
  await discardBody(new Request("http://edge.test/"), MAX);
});

test("discardBody() does not mind a client that is gone", async () => {
  const body = new ReadableStream({ start: (c) => c.error(new Error("gone")) });
  const init = { method: "POST", body, duplex: "half" } as RequestInit;
  await discardBody(new Request("http://edge.test/", init), MAX);
});

test("readBody() of a body that ends early is aborted", async () => {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Uint8Array.of(1)),
    pull: (controller) => controller.error(new Error("gone")),
  });
  assert.equal((await read(body)).kind, "aborted");
  assert.equal(
    (await read(new ReadableStream({ start: (c) => c.error(new Error("gone")) }), "gzip")).kind,
    "aborted",
  );
});
