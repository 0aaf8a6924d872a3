// Is what the OpenAPI documents say what the Workers answer, and what docs/http-api.md describes?

import assert from "node:assert/strict";
import { test } from "node:test";
import { createApi as createEdge, type ApiParts as EdgeParts } from "../../edge/app.ts";
import { createApi as createOrigin } from "../../origin/app.ts";
import type { OriginConfig } from "../../origin/config.ts";
import type { OriginEnv } from "../../origin/platform/env.ts";
import { openApiFiles } from "../../tools/openapi.ts";
import { EDGE_OPERATIONS } from "../../tools/openapi/edge.ts";
import { ORIGIN_OPERATIONS } from "../../tools/openapi/origin.ts";
import { readFile } from "../support/repository.ts";

interface Routed {
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/** What a Worker has a handler for, by method and path; what is left is refused with 405. */
function doorsOf({ routes }: Routed): string[] {
  const doors = routes
    .filter(({ method, path }) => method !== "ALL" && !path.endsWith("/*"))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  return [...new Set(doors)].toSorted();
}

/** Content is passed to its own hands, whatever the method. */
const isContent = (door: string): boolean => door.includes("/content/");

test("the documents are as the tables are: npm run openapi", () => {
  for (const [file, text] of openApiFiles()) assert.ok(readFile(file) === text, `${file} is old`);
});

test("every door of the edge is in its table, and nothing else", () => {
  const parts = { config: {}, env: {}, regions: {} } as unknown as EdgeParts;
  assert.deepEqual(doorsOf(createEdge(parts)), Object.keys(EDGE_OPERATIONS).toSorted());
});

test("every door of the origin is in its table, and nothing else", () => {
  const config = { linkKey: null, issuerKeys: null, issuerPrivateKey: null };
  const told = Object.keys(ORIGIN_OPERATIONS).filter((door) => !isContent(door));
  assert.deepEqual(doorsOf(createOrigin(config as OriginConfig, {} as OriginEnv)), told.toSorted());
});

const PAGES = ["http-api", "rules", "shadow", "commands", "live-protocol", "ingest-protocol"];
const DOOR = /(?:\/v1|\/api\/v2|\/write|\/ping|\/health|\/livez|\/readyz)[^\s`?*)"',;]*/g;

/** Paths that the tables of a document name in code, as the documents of the API write them. */
function pathsIn(page: string): string[] {
  const rows = readFile(`docs/${page}.md`)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split(" | ")[0] ?? "")
    .map((cell) => cell.replaceAll("`.../{device}/", "`/v1/devices/{device}/"))
    .map((cell) => cell.replaceAll("`POST .../{device}/", "`POST /v1/devices/{device}/"))
    .map((cell) => cell.replaceAll("`POST .../{id}/ack", "`POST /v1/alerts/{id}/ack"));
  return rows.flatMap((cell) => cell.match(DOOR) ?? []);
}

test("every path that is documented is in a table, and the other way round", () => {
  const told = new Set(
    [...Object.keys(EDGE_OPERATIONS), ...Object.keys(ORIGIN_OPERATIONS)].map(
      (door) => door.split(" ")[1] ?? "",
    ),
  );
  const described = new Set(PAGES.flatMap(pathsIn).map((path) => path.replace("00-ff", "{range}")));
  assert.deepEqual([...described].filter((path) => !told.has(path)).toSorted(), []);
  assert.deepEqual([...told].filter((path) => !described.has(path)).toSorted(), []);
});
