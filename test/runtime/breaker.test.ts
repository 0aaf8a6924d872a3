// Can one page, or one client, make an upstream that is well count as away, or one that is back? (P6, P9)
// On bare workerd; a server's ill page, and what a client breaks off, are nobody else's concern.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { AttackSite, type Answer } from "../support/attack-site.ts";

let site: AttackSite;

before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

/** Does something again and again, `everyMs` apart, until it is stopped. */
function repeat(act: (count: number) => Promise<unknown>, everyMs: number): () => Promise<void> {
  let isOn = true;
  const under: Promise<unknown>[] = [];
  const run = (async () => {
    for (let count = 0; isOn; count += 1) {
      under.push(act(count));
      await pause(everyMs);
    }
  })();
  return async () => {
    isOn = false;
    await run;
    await Promise.all(under);
  };
}

/** Asks until an answer is as it should be, and tells how long that took. */
async function askUntil(
  ask: (count: number) => Promise<Answer>,
  isSo: (answer: Answer) => boolean,
  msMax: number,
): Promise<number> {
  const startMs = performance.now();
  for (let count = 0; performance.now() - startMs < msMax; count += 1) {
    if (isSo(await ask(count))) return performance.now() - startMs;
    await pause(50);
  }
  return assert.fail(`not within ${msMax} ms`);
}

test("P6: one page that goes on failing keeps no other stale once the server is back", async (t) => {
  const host = "lax.test";
  const targets = Array.from({ length: 12 }, (_, i) => `/back/${i}`);
  const fields = { "cache-control": "max-age=1, stale-if-error=3600" };
  let body: string | null = "old";
  for (const target of targets)
    site.serve(target, () => (body === null ? { status: 503 } : { headers: fields, body }));
  site.serve("/back/broken", () => ({ status: 503, body: "always" }));
  const ask = (index: number) => site.send(targets[index % targets.length] ?? "", { host });
  for (const index of targets.keys()) assert.equal((await ask(index)).text, "old");
  await pause(1_100);
  body = null;
  await Promise.all(targets.slice(0, 6).map((_, index) => ask(index)));
  await pause(1_100);
  await Promise.all(targets.slice(6).map((_, index) => ask(index + 6)));
  assert.ok((await ask(0)).headers.has("skerry-offline"), "it counts as away");
  const stop = repeat(() => site.send("/back/broken", { host }), 100);
  await pause(500);
  body = "new";
  const tookMs = await askUntil(ask, ({ text }) => text === "new", 10_000);
  await stop();
  t.diagnostic(`back after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 4_000, `${tookMs} ms`);
});
