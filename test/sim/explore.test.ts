// Is there a short way to a state that must not be (P3)? The first states of each small world, nearest
// first; then with faults planted, which have to be found.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadExplorer } from "./explore/load.ts";
import { MODELS } from "./explore/model.ts";
import { EXPLORED_PLANTS, PLANT_STATES } from "./explore/plants.ts";
import { PLANTS } from "./plants.ts";

const explorer = await loadExplorer();

for (const model of MODELS)
  test(`P3 ${model.name}: wherever it goes, both edges and the hub agree in the end`, () => {
    const { states, violation } = explorer(model, { depth: Infinity, states: PLANT_STATES });
    assert.equal(violation, null);
    assert.equal(states, PLANT_STATES);
  });

test("states are told apart, and ways that come to the same are one", () => {
  const [model] = MODELS;
  assert.ok(model !== undefined);
  // Both edges wake: two orders, one state.
  const { states, steps } = explorer(model, { depth: 2, states: Infinity });
  assert.ok(states > 50 && steps > states, `${states} states by ${steps} ways`);
});

for (const [name, modelName] of Object.entries(EXPLORED_PLANTS))
  test(`P3 the plant "${name}" is found`, async () => {
    const plant = PLANTS[name];
    const model = MODELS.find((each) => each.name === modelName);
    assert.ok(plant !== undefined && model !== undefined);
    const planted = await loadExplorer([plant]);
    const { violation } = planted(model, { depth: Infinity, states: PLANT_STATES });
    assert.ok(violation !== null);
  });
