// Does everybody use the same words? Every type that the ports, the wire and the links export is in
// docs/glossary.md, and the glossary names none that is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { listFiles, readFile } from "../support/repository.ts";

const SPOKEN =
  /^(sync\/wire\/[\w-]+|sync\/link\/[\w-]+|sync\/replica\/(kind|store|draft)|storage\/sql|(edge|origin)\/(content-)?ports)\.ts$/;
const sources = listFiles().filter((file) => SPOKEN.test(file));
const exported = sources.flatMap((file) =>
  [...readFile(file).matchAll(/^export (?:interface|type|class) (\w+)/gm)].map(([, name]) => name),
);
const glossary = readFile("docs/glossary.md");
const named = [...glossary.matchAll(/`([A-Z]\w+)`/g)].map(([, name]) => name);

test("the glossary has every exported type of the ports, the wire and the links", () => {
  assert.ok(sources.length >= 15 && exported.length > 50);
  assert.deepEqual(
    exported.filter((name) => !named.includes(name)),
    [],
  );
});

test("the glossary names no type that is gone, and none twice", () => {
  assert.deepEqual(
    named.filter((name, at) => !exported.includes(name) || named.indexOf(name) !== at),
    [],
  );
});
