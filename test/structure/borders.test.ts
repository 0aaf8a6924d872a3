// Do the linter, the compiler and the dead code finder bite? Each rule gets one violation, in a
// copy, and has to report it; a silently empty check cannot pass.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PlantedCopy } from "../support/planted-copy.ts";

interface Plant {
  readonly file: string;
  readonly source: string;
  /** The rule that the linter has to name. */
  readonly lint?: string;
  /** The error that the compiler has to give. */
  readonly types?: string;
}

const imports = (file: string, from: string, types?: string): Plant => ({
  file,
  source: `import type * as it from "${from}";\nexport type Planted = typeof it;`,
  lint: "no-restricted-imports",
  ...(types === undefined ? {} : { types }),
});
const OUTSIDE = "TS6307";

const PLANTS: readonly Plant[] = [
  imports("sync/clock/zz-http.ts", "../../http/problem.ts", OUTSIDE),
  imports("sync/zz-package.ts", "jose"),
  imports("state/zz-edge.ts", "../edge/config.ts", OUTSIDE),
  imports("state/zz-http.ts", "../http/problem.ts", OUTSIDE),
  imports("state/zz-package.ts", "jose"),
  imports("state/zz-zod.ts", "zod"),
  imports("sync/zz-state.ts", "../state/region.ts", OUTSIDE),
  imports("storage/zz-edge.ts", "../edge/config.ts", OUTSIDE),
  imports("http/zz-storage.ts", "../storage/sql.ts", OUTSIDE),
  imports("http/zz-sync.ts", "../sync/limits.ts", OUTSIDE),
  imports("doors/zz-edge.ts", "../edge/config.ts", OUTSIDE),
  imports("doors/zz-test.ts", "../test/support/repository.ts", OUTSIDE),
  imports("edge/zz-platform.ts", "./platform/env.ts", OUTSIDE),
  imports("edge/cache/zz-platform.ts", "../platform/env.ts", OUTSIDE),
  imports("edge/cache/zz-storage.ts", "../../storage/sql.ts"),
  imports("edge/cache/zz-doors.ts", "../../doors/seal.ts", OUTSIDE),
  imports("edge/cache/zz-origin.ts", "../../origin/config.ts", OUTSIDE),
  imports("edge/cache/zz-hono.ts", "hono"),
  imports("edge/routing/zz-zod.ts", "zod/mini"),
  imports("edge/segment/zz-zlib.ts", "node:zlib"),
  imports("edge/segment/zz-platform.ts", "../platform/env.ts", OUTSIDE),
  imports("edge/telemetry/zz-jose.ts", "jose"),
  imports("edge/telemetry/zz-workers.ts", "cloudflare:workers"),
  imports("edge/platform/zz-origin.ts", "../../origin/config.ts", OUTSIDE),
  imports("edge/platform/zz-tools.ts", "../../tools/terminal.ts", OUTSIDE),
  imports("edge/objects/zz-test.ts", "../../test/support/repository.ts", OUTSIDE),
  imports("origin/platform/zz-edge.ts", "../../edge/config.ts", OUTSIDE),
  imports("origin/content/zz-edge.ts", "../../edge/config.ts", OUTSIDE),
  imports("origin/content/zz-platform.ts", "../platform/env.ts", OUTSIDE),
  imports("origin/content/zz-zod.ts", "zod/mini"),
  {
    file: "edge/cache/zz-dynamic.ts",
    source: 'export const it: Promise<unknown> = import("zod");',
    lint: "no-restricted-imports",
  },
  {
    file: "sync/zz-type.ts",
    source: 'export type It = import("../http/problem.ts").Problem;',
    lint: "consistent-type-imports",
    types: OUTSIDE,
  },
  {
    file: "sync/zz-now.ts",
    source: "export const it: number = Date.now();",
    lint: "no-restricted-globals",
  },
  {
    file: "edge/cache/zz-now.ts",
    source: "export const it: Date = new Date();",
    lint: "no-restricted-globals",
  },
  {
    file: "origin/content/zz-random.ts",
    source: "export const it: number = Math.random();",
    lint: "no-restricted-properties",
  },
  {
    file: "edge/cache/zz-fetch.ts",
    source: 'export const it: unknown = fetch("");',
    lint: "no-restricted-globals",
    types: "TS2304",
  },
  {
    file: "sync/zz-crypto.ts",
    source: "export const it: unknown = crypto.subtle;",
    lint: "no-restricted-globals",
    types: "TS2304",
  },
  {
    file: "state/zz-now.ts",
    source: "export const it: number = Date.now();",
    lint: "no-restricted-globals",
  },
  { file: "sync/zz-timer.ts", source: "export const it: unknown = setTimeout;", types: "TS2304" },
  {
    file: "edge/platform/zz-floating.ts",
    source:
      "export async function it(): Promise<void> {}\nexport function go(): void {\n  it();\n}",
    lint: "no-floating-promises",
  },
  {
    file: "edge/platform/zz-switch.ts",
    source:
      'export function it(of: "a" | "b"): void {\n  switch (of) {\n    case "a":\n      break;\n  }\n}',
    lint: "switch-exhaustiveness-check",
  },
  {
    file: "edge/platform/zz-throw.ts",
    source: 'export function it(): never {\n  throw "it";\n}',
    lint: "only-throw-error",
  },
  { file: "edge/platform/zz-any.ts", source: "export const it: any = 1;", lint: "no-explicit-any" },
  { file: "edge/platform/zz-default.ts", source: "export default 1;", lint: "no-default-export" },
  { file: "edge/platform/zz-console.ts", source: "console.log(1);", lint: "no-console" },
  { file: "edge/platform/zzName.ts", source: "export const it = 1;", lint: "filename-case" },
  {
    file: "edge/platform/zz-cycle.ts",
    source: 'import { back } from "./zz-cycle-back.ts";\nexport const it: unknown = () => back;',
    lint: "no-cycle",
  },
  {
    file: "edge/platform/zz-cycle-back.ts",
    source: 'import { it } from "./zz-cycle.ts";\nexport const back: unknown = () => it;',
    lint: "no-cycle",
  },
  {
    file: "edge/platform/zz-long.ts",
    source: `export const it = 1;\n${"//\n".repeat(400)}`,
    lint: "max-lines",
  },
  {
    file: "edge/platform/zz-tall.ts",
    source: `export function it(): void {\n${"  it();\n".repeat(70)}}`,
    lint: "max-lines-per-function",
  },
];

const copy = new PlantedCopy(Object.fromEntries(PLANTS.map(({ file, source }) => [file, source])));
after(() => copy.remove());

const linted = copy.run("oxlint", "--format=unix", ".").split("\n");
const compiled = copy.run("tsc", "-b", "--force").split("\n");
const dead = copy.run("knip", "--no-progress").split("\n");

for (const { file, lint, types } of PLANTS) {
  if (lint !== undefined) {
    test(`the linter finds ${lint} in ${file}`, () => {
      assert.ok(linted.some((line) => line.startsWith(`${file}:`) && line.includes(`(${lint})`)));
    });
  }
  if (types !== undefined) {
    test(`the compiler gives ${types} for ${file}`, () => {
      assert.ok(compiled.some((line) => isAbout(line, file, types)));
    });
  }
}

/** A file that several others import in vain gets one error, with a note for each of them. */
function isAbout(line: string, file: string, error: string): boolean {
  if (line.startsWith(`${file}(`)) return line.includes(`error ${error}:`);
  return error === OUTSIDE && line.includes("Imported via") && line.includes(`/${file}'`);
}

test("the dead code finder finds a file that nobody imports", () => {
  assert.ok(dead.some((line) => line.trim() === "edge/platform/zz-console.ts"));
});
