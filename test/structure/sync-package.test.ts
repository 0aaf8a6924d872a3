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

/** Files, and what the README names of each. */
type Parts = Readonly<Record<string, readonly string[]>>;

const KINDS = [...readme.matchAll(/`(\w+Kind)`/g)].map(([, name = ""]) => name);
const LINK: Parts = { "link/edge.ts": ["openEdgeLink", "stepEdgeLink"] };
const EDGE: Parts = { "replica/edge-replica.ts": ["EdgeReplica"] };
const HUB: Parts = { "replica/hub-replica.ts": ["HubReplica"] };
const REST: Parts = {
  "replica/kind.ts": ["collection"],
  "replica/kinds.ts": KINDS,
  "replica/component.ts": ["componentKey"],
  "replica/store.ts": ["MemoryReplicaStore"],
  "brand.ts": ["parseReplicaId"],
  "crdt/lww-register.ts": ["write", "erase"],
  "crdt/pn-counter.ts": ["add"],
  "crdt/alert.ts": ["fire"],
  "crdt/versioned.ts": ["publish"],
  "crdt/counts.ts": ["observe"],
};

/**
 * A program that uses all of the names. It exports none of them: a program that carries sync/ has no
 * list of them by name, as a file of the package would.
 */
function programOf(parts: Parts): string {
  const imports = Object.entries(parts).map(
    ([file, names]) => `import { ${names.join(", ")} } from "${path.join(SYNC, file)}";\n`,
  );
  return `${imports.join("")}globalThis.used = [${Object.values(parts).flat().join(", ")}];`;
}

/** Bundles and minifies, by esbuild and then terser; gives the size and the files that went in. */
async function bundle(parts: Parts): Promise<{ gzipKb: number; files: string[] }> {
  const contents = programOf(parts);
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
    compress: { passes: 5, pure_getters: true, unsafe_arrows: true, lhs_constants: false },
  });
  const gzipKb = gzipSync(code, { level: 9 }).length / KB;
  return { gzipKb, files: Object.keys(built.metafile.inputs) };
}

for (const [what, parts, budget] of [
  ["everything that its README names", { ...LINK, ...HUB, ...EDGE, ...REST }, sync],
  ["an edge", { ...LINK, ...EDGE, ...REST }, edge],
  ["a hub", { ...HUB, ...REST }, hub],
] as const)
  test(`sync/ stays small: ${what}`, async (t) => {
    const { gzipKb, files } = await bundle(parts);
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
