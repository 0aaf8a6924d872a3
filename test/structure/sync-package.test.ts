// Is sync/ a package of its own? Its README's example runs and prints what it says, and everything
// that it names stays small, without a dependency.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";
import { readFile, ROOT } from "../support/repository.ts";

const SYNC = path.join(ROOT, "sync");
const KB = 1000;
const readme = readFile("sync/README.md");
const [, example = ""] = /```ts\n(.*?)```/s.exec(readme) ?? [];

interface Budget {
  readonly gzipKbMax: number;
}
const {
  sync,
  "sync-edge": edge,
  "sync-hub": hub,
} = JSON.parse(readFile("tools/budgets.json")) as Readonly<Record<string, Budget>>;

/** The statement that exports what the README names of a file. */
function exportsOf(file: string, names: readonly string[]): string {
  return `export { ${names.join(", ")} } from "${path.join(SYNC, file)}";\n`;
}

const KINDS = [...readme.matchAll(/`(\w+Kind)`/g)].map(([, name = ""]) => name);
const LINK = exportsOf("link/edge.ts", ["openEdgeLink", "stepEdgeLink"]);
const EDGE = exportsOf("replica/edge-replica.ts", ["EdgeReplica"]);
const HUB = exportsOf("replica/hub-replica.ts", ["HubReplica"]);
const REST =
  exportsOf("replica/kind.ts", ["collection"]) +
  exportsOf("replica/kinds.ts", KINDS) +
  exportsOf("replica/component.ts", ["componentKey"]) +
  exportsOf("replica/store.ts", ["MemoryReplicaStore"]) +
  exportsOf("brand.ts", ["parseReplicaId"]) +
  exportsOf("crdt/lww-register.ts", ["write", "erase"]) +
  exportsOf("crdt/pn-counter.ts", ["add"]) +
  exportsOf("crdt/alert.ts", ["fire"]) +
  exportsOf("crdt/versioned.ts", ["publish"]) +
  exportsOf("crdt/counts.ts", ["observe"]);

/** Bundles and minifies, by esbuild and then terser; gives the size and the files that went in. */
async function bundle(contents: string): Promise<{ gzipKb: number; files: string[] }> {
  const built = await build({
    stdin: { contents, resolveDir: SYNC, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "esnext",
    write: false,
    metafile: true,
  });
  const [output] = built.outputFiles;
  // Names of properties stay: a library's users write them. No property that is read does anything,
  // and no function but methods has a `this` of its own.
  const { code = "" } = await minify(output?.text ?? "", {
    module: true,
    ecma: 2022,
    compress: { passes: 3, pure_getters: true, unsafe_arrows: true },
  });
  const gzipKb = gzipSync(code, { level: 9 }).length / KB;
  return { gzipKb, files: Object.keys(built.metafile.inputs) };
}

for (const [what, contents, budget] of [
  ["everything that its README names", LINK + HUB + EDGE + REST, sync],
  ["an edge", LINK + EDGE + REST, edge],
  ["a hub", HUB + REST, hub],
] as const)
  test(`sync/ stays small: ${what}`, async (t) => {
    const { gzipKb, files } = await bundle(contents);
    const max = budget?.gzipKbMax ?? 0;
    t.diagnostic(`${gzipKb.toFixed(3)} kB of ${max}`);
    assert.ok(
      gzipKb <= max,
      `${gzipKb.toFixed(2)} kB gzip, at most ${max}: see tools/budgets.json`,
    );
    assert.ok(gzipKb > max * 0.9, `${gzipKb.toFixed(2)} kB gzip of ${max}: lower the budget`);
    const outside = files.filter((file) => !file.includes("<stdin>") && !file.startsWith("sync/"));
    assert.ok(files.length > 20);
    assert.deepEqual(outside, []);
  });

test("the README names every kind", () => {
  const written = readFile("sync/replica/kinds.ts").matchAll(/^export const (\w+Kind)\b/gm);
  assert.deepEqual(KINDS.toSorted(), [...written].map(([, name = ""]) => name).toSorted());
});

test("the README's example runs, and prints what it says", () => {
  const cache = path.join(ROOT, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, "readme-"));
  try {
    const file = path.join(folder, "example.ts");
    const base = pathToFileURL(`${SYNC}/`).href;
    writeFileSync(file, example.replaceAll('from "./', `from "${base}`));
    const run = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 30_000 });
    assert.equal(run.status, 0, run.stderr);
    const [, printed = ""] = /It prints `(.*)`/.exec(readme) ?? [];
    assert.equal(run.stdout.trim(), printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the README's sizes are those that were measured", () => {
  const [, all, alone, ofHub] =
    /at most ([\d.]+) kB; an edge alone ([\d.]+), a hub alone ([\d.]+)/.exec(readme) ?? [];
  assert.deepEqual(
    [all, alone, ofHub].map(Number),
    [sync, edge, hub].map((budget) => budget?.gzipKbMax),
  );
});
