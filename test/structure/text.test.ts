// Does the text keep the house's rules? Links lead somewhere, no machine's paths are in it, RFCs
// are the current ones, and whatever is switched off says why.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { findLines, listFiles, readFile, ROOT } from "../support/repository.ts";

// This file has to name what it forbids.
const files = listFiles().filter((file) => file !== "test/structure/text.test.ts");
const text = files.filter(
  (file) => /\.(ts|md|json|toml|html|css|js|sh|capnp)$/.test(file) || file === ".ci/run",
);
const sources = files.filter((file) => file.endsWith(".ts"));
const documents = files.filter((file) => file.endsWith(".md"));

function assertNone(pattern: RegExp, among: readonly string[] = text): void {
  assert.ok(among.length > 0);
  assert.deepEqual(findLines(among, pattern), []);
}

test("no path of a machine is in the repository", () => {
  assertNone(/(^|[\s"'`(=])\/(home|root|Users|work|mnt)\/|[A-Z]:\\Users\\/);
});

test("RFCs are cited by the numbers that are in force", () => {
  assertNone(/RFC[ -]?(723[0-5]|2616|7807|5988|2068)\b/i);
});

test("nothing is left to be done without a number to find it by", () => {
  assertNone(/\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/, sources);
});

test("whatever switches a lint rule off says why", () => {
  assertNone(/(oxlint|eslint)-disable(?!.* -- \S+)/, sources);
});

test("whatever expects a type error says why", () => {
  assertNone(/@ts-(expect-error|ignore|nocheck)(?! -- \S+ \S+)/, sources);
});

test("every test that is skipped says why", () => {
  assertNone(/\bskip: *true\b|\b(test|it|describe)\.(skip|todo|only)\(/, sources);
});

test("every link of a document leads to a file", () => {
  const broken = documents.flatMap((file) =>
    [...readFile(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)/g)]
      .map(([, target = ""]) => path.join(path.dirname(file), target))
      .filter((target) => !existsSync(path.join(ROOT, target)))
      .map((target) => `${file} links to ${target}`),
  );
  assert.ok(documents.length > 0);
  assert.deepEqual(broken, []);
});

test("every command of package.json leads to a file", () => {
  const { scripts } = JSON.parse(readFile("package.json")) as { scripts: Record<string, string> };
  const tools = Object.values(scripts).flatMap(
    (script) => script.match(/tools\/[\w/-]+\.ts/g) ?? [],
  );
  assert.ok(tools.length > 5);
  assert.deepEqual(
    tools.filter((tool) => !existsSync(path.join(ROOT, tool))),
    [],
  );
});
