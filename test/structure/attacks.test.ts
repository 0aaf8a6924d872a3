// Is there a test for every attack of docs/threat-model.md, in the file that it names, and a line for
// every such test?

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { listFiles, readFile } from "../support/repository.ts";

/** How many attacks of each kind the model has: one that is left out of it is missed too. */
const KINDS = { P: 18, D: 6, C: 11, S: 8, H: 3, R: 8, A: 14, U: 8, V: 5 };

const ROW = /^\| ([A-Z][0-9]+) +\| .+ \| ((?:\[[^\]]+\]\([^)]+\)(?:, )?)+) +\|$/gm;
const LINK = /\]\(([^)]+)\)/g;
const NAME = /^\s*test\(\s*["'`]attack ([A-Z][0-9]+): /gm;

const rows = [...readFile("docs/threat-model.md").matchAll(ROW)];
/** Attack and file of each row of the model. */
const told = rows.flatMap(([, id = "", links = ""]) =>
  [...links.matchAll(LINK)].map(([, link = ""]) => `${id} ${path.posix.join("docs", link)}`),
);
/** Attack and file of each test. */
const tested = listFiles()
  .filter((file) => file.endsWith(".test.ts"))
  .flatMap((file) => [...readFile(file).matchAll(NAME)].map(([, id = ""]) => `${id} ${file}`));

test("every attack of the threat model has a test in the file that it names", () => {
  const known = new Set(tested);
  assert.deepEqual(
    told.filter((one) => !known.has(one)),
    [],
  );
});

test("every test of an attack is in the threat model", () => {
  const known = new Set(told);
  assert.deepEqual(
    tested.filter((one) => !known.has(one)),
    [],
  );
});

test("the threat model has every attack, once", () => {
  const ids = Object.entries(KINDS).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, i) => `${kind}${i + 1}`),
  );
  assert.deepEqual(
    rows.map(([, id]) => id),
    ids,
  );
});
