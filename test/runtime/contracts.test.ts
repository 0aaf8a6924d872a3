// Goal: the contracts of the storage ports hold in a real Durable Object's SQLite, under workerd.
// Method: the same cases as in test/contracts, bundled into a Worker for tests; each in an object of
// its own on disk, aborted and constructed again where the case wants a restart.

import assert from "node:assert/strict";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { readWranglerConfig } from "../../tools/launcher/wrangler-config.ts";
import { SUITES } from "../contracts/suites.ts";
import type { CaseReport } from "../contracts/worker.ts";

const CONTRACTS = path.join(import.meta.dirname, "../contracts");
const persistTo = mkdtempSync(path.join(os.tmpdir(), "skerry-contracts-"));
const runtime = await openRuntime();
after(async () => {
  await runtime.dispose();
  rmSync(persistTo, { recursive: true, force: true });
});

async function openRuntime(): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [path.join(CONTRACTS, "worker.ts")],
    write: false,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    logLevel: "silent",
  });
  const opened = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.ERROR),
      cf: false,
      logRequests: false,
      telemetry: { enabled: false },
      resourcePersistencePath: persistTo,
      name: "skerry-contracts",
      modules: [{ type: "ESModule", path: "worker.js", contents: outputFiles[0]?.text ?? "" }],
      compatibilityDate: readWranglerConfig("edge").compatibilityDate,
      // For node:assert; the product's Workers do without.
      compatibilityFlags: ["nodejs_compat"],
      durableObjects: { OBJECTS: { className: "ContractObject", useSQLite: true } },
    }),
  );
  await opened.ready;
  return opened;
}

async function ask(target: string): Promise<unknown> {
  const response = await runtime.dispatchFetch(`http://contracts${target}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

for (const { port, cases } of SUITES) {
  for (const { name } of cases) {
    test(`${name} (a Durable Object)`, async () => {
      const query = new URLSearchParams({ port, case: name });
      const { failure, restarts, constructions } = (await ask(
        `/?${query.toString()}`,
      )) as CaseReport;
      if (failure !== null) assert.fail(failure);
      assert.equal(constructions, restarts + 1, "a restart constructs the object again");
    });
  }
}

test("a turn that is cut off leaves nothing, also without a transaction (a Durable Object)", async () => {
  assert.equal(await ask("/cut-turn"), 1);
});

test("every file of cases is in the list of suites, and every suite is tested in Node", () => {
  const filed = (kind: string) =>
    globSync(`*.${kind}.ts`, { cwd: CONTRACTS }).map((file) => file.replace(`.${kind}.ts`, ""));
  const ports = SUITES.map(({ port }) => port).toSorted();
  assert.deepEqual(filed("cases").toSorted(), ports);
  assert.deepEqual(filed("test").toSorted(), ports);
  for (const { port, cases } of SUITES) {
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length, `${port}: names`);
  }
});
