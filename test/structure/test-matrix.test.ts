// Does docs/test-matrix.md show all that is tested? Every test file beyond the unit tests is in it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { listFiles, readFile } from "../support/repository.ts";

const matrix = readFile("docs/test-matrix.md");

test("every test file that is not a unit test is in the test matrix", () => {
  const files = listFiles().filter(
    (file) => file.endsWith(".test.ts") && !file.startsWith("test/unit/"),
  );
  assert.ok(files.length > 30);
  assert.deepEqual(
    files.filter((file) => !matrix.includes(`](../${file})`)),
    [],
  );
});

test("every folder of unit tests is in the test matrix", () => {
  const folders = listFiles()
    .map((file) => /^test\/unit\/([\w-]+\/[\w-]+)\//.exec(file)?.[1])
    .filter((folder) => folder !== undefined);
  const isNamed = (folder: string): boolean =>
    matrix.includes(`\`${folder}\``) || matrix.includes(`\`${folder.split("/")[0] ?? ""}\``);
  assert.ok(folders.length > 10);
  assert.deepEqual(
    [...new Set(folders)].filter((folder) => !isNamed(folder)),
    [],
  );
});
