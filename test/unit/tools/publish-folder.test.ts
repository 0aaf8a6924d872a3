// What does publishing a folder send, and what does it say when it does not work?

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { listFiles, publishFolder } from "../../../tools/publish-folder.ts";

let folder: string;
let originUrl: string;
const seen: { target: string; policy: string | undefined; body: string }[] = [];
/** What the origin answers to each request in turn; 201 once it is empty. */
let statuses: number[] = [];

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    seen.push({ target: request.url ?? "", policy: request.headers["cache-control"], body });
    const status = statuses.shift() ?? 201;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ etag: '"a"', contentType: "text/plain", detail: "No, because" }));
  });
});

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-publish-"));
  await fs.mkdir(path.join(folder, "sub", ".git"), { recursive: true });
  for (const name of ["index.html", "sub/ü #?.txt", ".env", "sub/.git/config"]) {
    await fs.writeFile(path.join(folder, name), name);
  }
  await fs.symlink("/etc", path.join(folder, "link"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  originUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  seen.length = 0;
  statuses = [];
});

after(async () => {
  server.close();
  await fs.rm(folder, { recursive: true });
});

const publish = () => publishFolder({ folder, site: "main", originUrl, token: "t" });

test("listFiles() leaves out hidden names unless asked, and never follows links", async () => {
  assert.deepEqual(await listFiles(folder, false), ["index.html", "sub/ü #?.txt"]);
  assert.deepEqual(await listFiles(folder, true), [
    ".env",
    "index.html",
    "sub/.git/config",
    "sub/ü #?.txt",
  ]);
});

test("publishFolder() escapes each segment and tells what became of each file", async () => {
  const files = await publish();
  assert.deepEqual(
    files.map(({ outcome }) => outcome),
    ["new", "new"],
  );
  assert.deepEqual(seen.map(({ target }) => target).toSorted(), [
    "/v1/sites/main/content/index.html",
    "/v1/sites/main/content/sub/%C3%BC%20%23%3F.txt",
  ]);
});

test("publishFolder() tries again what may pass, and gives up at once on what will not", async () => {
  statuses = [503, 502];
  assert.ok((await publish()).every(({ outcome }) => outcome === "new"));
  assert.equal(seen.length, 4);
  seen.length = 0;
  statuses = [413, 413];
  const files = await publish();
  assert.ok(files.every((file) => file.outcome === "failed" && file.error === "413 No, because"));
  assert.equal(seen.length, 2);
});

test("publishFolder() fails once, and not for every file, when the token is refused", async () => {
  statuses = [401, 401];
  await assert.rejects(publish(), /The origin refuses the token: 401 No, because/);
  assert.equal(seen.length, 1);
});

test("publish says in one line what is missing and exits with 1", async () => {
  const run = (args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        ["tools/publish.ts", ...args],
        { env: { PATH: "" } },
        (_, stdout, stderr) => resolve({ code: child.exitCode ?? 0, stdout, stderr }),
      );
    });
  const failed = await run([folder]);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^Say where the origin is: .*\n$/);
  const wrong = await run([folder, "--origin", "foo", "--token", "t"]);
  assert.match(wrong.stderr, /^"foo" is not an origin's address: .*\n$/);
  const dry = await run([folder, "--dry-run"]);
  assert.equal(dry.code, 0);
  assert.match(dry.stdout, /Would publish 2 of 2 files/);
  const refused = await run([path.join(folder, "none"), "--origin", originUrl, "--token", "t"]);
  assert.match(refused.stderr, /^Cannot publish .*: there is no such folder\n$/);
});
