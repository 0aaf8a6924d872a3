// Does what a request leaves behind keep it alive until all of it has ended, also what begins late or fails?

import assert from "node:assert/strict";
import { test } from "node:test";
import { openBackground } from "../../../../edge/platform/background.ts";

/** Lets what is settled be noticed. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("the runtime is told once, and held until the last of what is under way has ended", async (t) => {
  const lines = t.mock.method(console, "log", () => undefined);
  const told: Promise<unknown>[] = [];
  let held = 0;
  const background = openBackground({
    waitUntil: (promise) => {
      held += 1;
      told.push(promise.then(() => (held -= 1)));
    },
  });
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  background(first.promise);
  background(second.promise);
  first.resolve();
  await turn();
  assert.deepEqual([told.length, held], [1, 1]);
  second.reject(new Error("torn"));
  await turn();
  assert.equal(held, 0);
  assert.match(String(lines.mock.calls[0]?.arguments[0]), /background-failed.*torn/);
  const third = Promise.withResolvers<void>();
  background(third.promise);
  await turn();
  assert.deepEqual([told.length, held], [2, 1]);
  third.resolve();
  await Promise.all(told);
  assert.equal(held, 0);
});
