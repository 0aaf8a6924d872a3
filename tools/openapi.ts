// npm run openapi: writes docs/openapi.json, of the edge, and docs/openapi-origin.json, from the tables
// in tools/openapi and the schemas that the doors use.

import { globSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { openApiOf, problemCodesIn } from "./openapi/document.ts";
import { EDGE_OPERATIONS } from "./openapi/edge.ts";
import { ORIGIN_OPERATIONS } from "./openapi/origin.ts";

const ROOT = path.join(import.meta.dirname, "..");

/** The documents, by file. */
export function openApiFiles(): ReadonlyMap<string, string> {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
    version: string;
  };
  const codesOf = (worker: string) =>
    problemCodesIn(
      globSync(`{${worker},doors,http}/**/*.ts`, { cwd: ROOT })
        .toSorted()
        .map((file) => readFileSync(path.join(ROOT, file), "utf8")),
    );
  const files = [
    ["docs/openapi.json", openApiOf("Skerry, edge", version, EDGE_OPERATIONS, codesOf("edge"))],
    [
      "docs/openapi-origin.json",
      openApiOf("Skerry, origin", version, ORIGIN_OPERATIONS, codesOf("origin")),
    ],
  ] as const;
  return new Map(files.map(([file, json]) => [file, `${JSON.stringify(json, null, 1)}\n`]));
}

if (import.meta.main)
  for (const [file, text] of openApiFiles()) writeFileSync(path.join(ROOT, file), text);
