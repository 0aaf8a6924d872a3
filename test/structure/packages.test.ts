// Can a clean clone install exactly what was tested, on every platform? Pins are exact, the lock
// file names no registry, no optional package is missing from it, and there is one workerd.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFile } from "../support/repository.ts";

interface Entry {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = (JSON.parse(readFile("package-lock.json")) as { packages: Record<string, Entry> })
  .packages;
const manifest = JSON.parse(readFile("package.json")) as Record<
  string,
  Record<string, string> | undefined
>;

/** Finds what a package at `place` gets when it asks for `name`: the nearest one, going outwards. */
function resolve(place: string, name: string): Entry | undefined {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const found = lock[`${at === "" ? "" : `${at}/`}node_modules/${name}`];
    if (found !== undefined || at === "") return found;
    if (!at.includes("/node_modules/")) return lock[`node_modules/${name}`];
  }
}

test("every dependency is pinned exactly, and to what the lock file has", () => {
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"]) {
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.-]+)?$/, name);
      assert.equal(lock[`node_modules/${name}`]?.version, version, name);
    }
  }
});

test("the lock file names no registry", () => {
  assert.ok(Object.keys(lock).length > 50);
  assert.doesNotMatch(
    readFile("package-lock.json"),
    /"resolved"|https?:\/\/(?!(opencollective|github|www\.|paypal|ko-fi|buymeacoffee|tidelift|feross))[\w.-]*(registry|npm|artifact)/,
  );
});

test("the lock file has an entry for every optional dependency of every platform", () => {
  const missing = Object.entries(lock).flatMap(([place, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => resolve(place, name) === undefined)
      .map(([name, version]) => `${place} needs ${name}@${version}`),
  );
  const asked = Object.values(lock).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}),
  );
  assert.ok(asked.length > 20);
  assert.deepEqual(missing, []);
});

test("there is one workerd and one Miniflare, the ones that wrangler pins", () => {
  const copies = (name: string) =>
    Object.keys(lock).filter((place) => place.endsWith(`node_modules/${name}`));
  assert.deepEqual(copies("workerd"), ["node_modules/workerd"]);
  assert.deepEqual(copies("miniflare"), ["node_modules/miniflare"]);
  const wrangler = lock["node_modules/wrangler"]?.dependencies ?? {};
  assert.equal(lock["node_modules/workerd"]?.version, wrangler["workerd"]);
  assert.equal(lock["node_modules/miniflare"]?.version, wrangler["miniflare"]);
});
