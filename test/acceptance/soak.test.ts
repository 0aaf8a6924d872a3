// Does the soak still work? Some seconds of it: every kind of request is sent, every body is right, and
// nothing that a write or a purge has ended comes back. Its memory is judged by the long run alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf } from "../../tools/soak/content.ts";
import { judgeMemory } from "../../tools/soak/memory.ts";
import { runTool } from "../support/run-tool.ts";

const RUN_MS_MAX = 120_000;
const SECONDS = 15;

interface Told {
  readonly ok: boolean;
  readonly seconds: number;
  readonly kinds: Readonly<Record<string, { readonly asked: number; readonly hits: number }>>;
  readonly requests: number;
  readonly wrong: number;
  readonly outdated: number;
  readonly unexpected: number;
  readonly memory: { readonly atEndMb: number };
  readonly upstream: { readonly requests: number };
}

test(`npm run soak -- --seconds ${SECONDS} sends every kind, and finds every byte right`, async () => {
  const args = ["--seconds", String(SECONDS), "--seed", "2"];
  const { exitCode, output } = await runTool("tools/soak.ts", args, RUN_MS_MAX);
  const told = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "{}") as Told;
  assert.deepEqual([told.wrong, told.outdated, told.unexpected], [0, 0, 0], output);
  assert.deepEqual([told.ok, told.seconds, exitCode], [true, SECONDS, 0], output);
  for (const kind of ["hit", "miss", "variant", "range", "uncacheable", "left", "burst", "flaky"])
    assert.ok((told.kinds[kind]?.asked ?? 0) > 0, kind);
  assert.ok((told.kinds["hit"]?.hits ?? 0) > 0 && told.memory.atEndMb > 0);
  assert.ok(told.upstream.requests < told.requests, "nothing was served without the server");
});

test("what a body must be differs by site, target, version and variant", () => {
  const bodies = [
    contentOf("a", "/obj/1", 1, ""),
    contentOf("a", "/obj/1", 2, ""),
    contentOf("a", "/obj/1", 1, "fi"),
    contentOf("a", "/obj/2", 1, ""),
    contentOf("b", "/obj/1", 1, ""),
  ].map((body) => body.toString("base64"));
  assert.equal(new Set(bodies).size, bodies.length);
  assert.deepEqual(contentOf("a", "/obj/1", 1, ""), contentOf("a", "/obj/1", 1, ""));
});

test("memory that grows is seen, through the ups and downs of a collector", () => {
  const wave = Array.from({ length: 100 }, (_, i) => 200 + (i % 7) * 10);
  assert.equal(judgeMemory(wave).growth, 0);
  assert.ok(judgeMemory(wave.map((mb, i) => mb + i)).growth > 0.2);
});

test("what cannot be run is one line, with exit code 1", async () => {
  const { exitCode, output } = await runTool("tools/soak.ts", ["--minutes", "0"], RUN_MS_MAX);
  assert.equal(exitCode, 1);
  assert.match(output, /^--minutes 0 is not a whole number from 1 to 1440\n$/);
});
