// Does a plant change exactly what it says, or nothing at all?

import assert from "node:assert/strict";
import { test } from "node:test";
import { applyPlant } from "../../../../tools/launcher/build.ts";

const plant = { file: "x.ts", find: "if (seen)", replace: "if ($& false)" };

test("applyPlant() changes the one place, and takes the replacement literally", () => {
  assert.equal(applyPlant("a; if (seen) b;", plant), "a; if ($& false) b;");
});

test("applyPlant() refuses a text that is not there, or there twice", () => {
  assert.throws(() => applyPlant("a;", plant), /occurs 0 times/);
  assert.throws(() => applyPlant("if (seen) if (seen)", plant), /occurs 2 times/);
});
