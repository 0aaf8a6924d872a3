// Does every planted fault still meet the line that it breaks? The demo says so too, much later.

import assert from "node:assert/strict";
import { test } from "node:test";
import { applyPlant } from "../../../tools/launcher/build.ts";
import { PLANTS } from "../../../tools/plants.ts";
import { readFile } from "../../support/repository.ts";

for (const [name, plant] of Object.entries(PLANTS)) {
  test(`the plant "${name}" changes its source`, () => {
    const source = readFile(plant.file);
    assert.notEqual(applyPlant(source, plant), source);
  });
}
