// Is the house as the plan says? Every room has something in it, and nothing has a name that says
// nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readWranglerConfig } from "../../tools/launcher/wrangler-config.ts";
import { listFiles, readFile } from "../support/repository.ts";

const ROOMS = [
  "sync/crdt",
  "sync/link",
  "sync/wire",
  "state",
  "storage",
  "http",
  "doors",
  "edge/cache",
  "edge/history",
  "edge/routing",
  "edge/segment",
  "edge/site",
  "edge/stream",
  "edge/telemetry",
  "edge/objects",
  "edge/platform",
  "edge/routes",
  "origin/content",
  "origin/objects",
  "origin/platform",
  "origin/routes",
  "tools/launcher",
  "tools/check",
  "test/unit",
  "test/laws",
  "test/vectors",
  "test/contracts",
  "test/runtime",
  "test/acceptance",
  "test/structure",
  "selfhost",
  "docs",
  "examples",
];
const EMPTY_WORDS =
  /(^|[/.-])(utils?|helpers?|common|managers?|services?|misc|shared|index)([/.-]|$)/;

const files = listFiles();

for (const room of ROOMS) {
  test(`the room ${room} is not empty`, () => {
    assert.ok(files.some((file) => file.startsWith(`${room}/`)));
  });
}

test("no source has a name that says nothing", () => {
  const sources = files.filter((file) => file.endsWith(".ts"));
  assert.ok(sources.length > 50);
  assert.deepEqual(
    sources.filter((file) => EMPTY_WORDS.test(file)),
    [],
  );
});

test("every source begins with the question that it answers", () => {
  const mute = files.filter((file) => file.endsWith(".ts") && !readFile(file).startsWith("//"));
  assert.deepEqual(mute, []);
});

test("half of the sources have at most 150 lines, and none has more than 400", () => {
  const lengths = files
    .filter((file) => file.endsWith(".ts") && !file.startsWith("test/"))
    .map((file) => readFile(file).split("\n").length)
    .toSorted((a, b) => a - b);
  assert.ok((lengths[Math.floor(lengths.length / 2)] ?? 0) <= 150);
  assert.ok((lengths.at(-1) ?? 0) <= 401);
});

for (const worker of ["edge", "origin"] as const) {
  test(`the ${worker} exports every Durable Object class that its configuration binds, and migrates it`, () => {
    const { entry, objects } = readWranglerConfig(worker);
    const config = readFile(worker === "edge" ? "wrangler.toml" : "origin/wrangler.toml");
    const migrated = [...config.matchAll(/^new_sqlite_classes = \[(.*)\]$/gm)].flatMap(
      ([, list = ""]) => [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name),
    );
    for (const { className } of objects) {
      assert.match(readFile(entry), new RegExp(`export \\{ ${className} \\}`));
    }
    assert.deepEqual(new Set(objects.map(({ className }) => className)), new Set(migrated));
  });
}
