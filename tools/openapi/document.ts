// How does a table of doors become an OpenAPI document? OpenAPI 3.1, whose schemas are JSON Schema.

import * as z from "zod/mini";
import type { Content, Operation, Operations, QueryParameter, Token } from "./operation.ts";
import { problem } from "./schemas.ts";

type Json = Record<string, unknown>;

const PROBLEM = "application/problem+json";
const SECURITY: Readonly<Record<Exclude<Token, "none">, Json>> = {
  device: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The device's own token, or a signature as docs/http-api.md has it",
  },
  operator: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An operator's token, with the scope that the operation names",
  },
  link: {
    type: "apiKey",
    in: "header",
    name: "skerry-mac",
    description: "The link's seal (docs/wire-format.md)",
  },
};

/** A problem's code, and the statuses that it comes with. */
export type ProblemCodes = ReadonlyMap<string, ReadonlySet<number>>;

/** Makes the document of one Worker. */
export function openApiOf(
  title: string,
  version: string,
  operations: Operations,
  codes: ProblemCodes,
): Json {
  const paths: Record<string, Json> = {};
  for (const [key, operation] of Object.entries(operations)) {
    const [method = "", path = ""] = key.split(" ");
    paths[path] = {
      ...(paths[path] ?? parametersOf(path)),
      [method.toLowerCase()]: operationOf(operation, codes),
    };
  }
  return {
    openapi: "3.1.1",
    info: { title, version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      schemas: { Problem: schemaOf(problem) },
      securitySchemes: SECURITY,
    },
  };
}

function parametersOf(path: string): Json {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  if (names.length === 0) return {};
  const parameters = names.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  return { parameters };
}

function operationOf(operation: Operation, codes: ProblemCodes): Json {
  const { summary, tokens, scope, query = [], fields = [], body, isBodyOptional } = operation;
  const secured = tokens.filter((token) => token !== "none");
  const parameters = [...query.map(queryOf), ...fields.map(fieldOf)];
  return {
    summary,
    ...(scope === undefined ? {} : { description: `Scope of an operator's token: ${scope}` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: isBodyOptional !== true, content: contentOf(body) } }),
    responses: responsesOf(operation, codes),
    security: secured.length === 0 ? [] : secured.map((token) => ({ [token]: [] })),
  };
}

function queryOf({ name, says, isList, type = "string" }: QueryParameter): Json {
  const schema = isList === true ? { type: "array", items: { type } } : { type };
  return { name, in: "query", description: says, schema };
}

function fieldOf(name: string): Json {
  return { name, in: "header", schema: { type: "string" } };
}

/** Every door has these: its method, its rates, and a Worker that lacks its keys. */
function statusesOf({ tokens, answers, problems }: Operation): number[] {
  const guarded = tokens.includes("none") ? [] : [401, 403, 503];
  const all = new Set([...problems, ...guarded, 405, 429]);
  for (const status of Object.keys(answers)) all.delete(Number(status));
  return [...all].toSorted((a, b) => a - b);
}

function responsesOf(operation: Operation, codes: ProblemCodes): Json {
  const responses: Record<string, Json> = {};
  for (const [status, content] of Object.entries(operation.answers))
    responses[status] = {
      description: status.startsWith("2") ? "Done" : "See docs/http-api.md",
      ...(content === null ? {} : { content: contentOf([content]) }),
    };
  for (const status of statusesOf(operation)) {
    const named = [...codes].flatMap(([code, of]) => (of.has(status) ? [code] : []));
    responses[status] = {
      description: `A problem; of this status there are: ${named.toSorted().join(", ")}`,
      content: { [PROBLEM]: { schema: { $ref: "#/components/schemas/Problem" } } },
    };
  }
  return responses;
}

function contentOf(contents: readonly Content[]): Json {
  return Object.fromEntries(
    contents.map((content) =>
      typeof content === "string"
        ? [content, {}]
        : ["application/json", { schema: schemaOf(content) }],
    ),
  );
}

/** What a schema checks by code, such as that a number is summable, JSON Schema cannot say. */
function schemaOf(schema: z.ZodMiniType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
}

const CODE = /code: "([a-z0-9-]+)",\s*status: (\d{3})/g;

/** Finds in sources which problems there are. */
export function problemCodesIn(sources: readonly string[]): ProblemCodes {
  const codes = new Map<string, Set<number>>();
  for (const [, code = "", status] of sources.flatMap((text) => [...text.matchAll(CODE)]))
    codes.set(code, (codes.get(code) ?? new Set()).add(Number(status)));
  return codes;
}
