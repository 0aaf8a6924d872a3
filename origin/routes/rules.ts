// /v1/rules: the rules of the configuration, one by one. Each change publishes the configuration anew,
// so that rules reach the regions as everything else in it does.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import { malformed, type Problem } from "../../http/problem.ts";
import { checkConfig, type DeploymentConfig } from "../../state/config.ts";
import { CONTENT_BYTES_MAX } from "../../sync/limits.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import type { OriginEnv } from "../platform/env.ts";
import { readJson, tooLarge } from "../platform/read-json.ts";
import { hashText, openRegistry } from "../platform/registry.ts";

type Rules = Readonly<Record<string, unknown>>;

/** Makes the routes, to be mounted at /v1/rules. */
export function ruleRoutes({ env, guard }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const { rules } = await published(env);
    const listed = Object.entries(rules).map(([name, rule]) => ({ name, ...(rule as object) }));
    return jsonResponse({ rules: listed.toSorted((a, b) => (a.name < b.name ? -1 : 1)) });
  });
  app.all("/", onlyMethods("GET"));
  app.get("/:name", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const name = c.req.param("name");
    const { rules } = await published(env);
    if (!Object.hasOwn(rules, name)) return problemResponse(unknown(name));
    return jsonResponse({ name, ...(rules[name] as object) });
  });
  app.put("/:name", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const rule = await readJson(c.req.raw, limits.adminBodyBytesMax);
    if (!rule.ok) return problemResponse(rule.error);
    const name = c.req.param("name");
    return change(env, name, (rules) => ({ ...rules, [name]: rule.value }));
  });
  app.delete("/:name", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const name = c.req.param("name");
    return change(env, name, (rules) => {
      if (!Object.hasOwn(rules, name)) return null;
      return Object.fromEntries(Object.entries(rules).filter(([other]) => other !== name));
    });
  });
  app.all("/:name", onlyMethods("GET", "PUT", "DELETE"));
  return app;
}

interface Published {
  readonly version: number;
  readonly document: DeploymentConfig;
  readonly rules: Rules;
}

async function published(env: OriginEnv): Promise<Published> {
  const { version, content } = await openRegistry(env).config();
  const document = version === 0 ? {} : (JSON.parse(content) as DeploymentConfig);
  return { version, document, rules: document.rules ?? {} };
}

/**
 * Publishes the configuration with other rules; somebody else's change in between is kept.
 *
 * @param edit Null: there is no such rule.
 */
async function change(
  env: OriginEnv,
  name: string,
  edit: (rules: Rules) => Rules | null,
): Promise<Response> {
  for (let turn = 0; turn < limits.publishTurnsMax; turn += 1) {
    const { version, document, rules } = await published(env);
    const edited = edit(rules);
    if (edited === null) return problemResponse(unknown(name));
    const checked = checkConfig({ ...document, rules: edited });
    if (!checked.ok) return problemResponse(malformed(checked.error.map(atRule(name))));
    const text = await hashText(JSON.stringify(checked.value));
    if (new TextEncoder().encode(text.content).length > CONTENT_BYTES_MAX)
      return problemResponse(tooLarge(CONTENT_BYTES_MAX));
    const ifMatch = version === 0 ? null : `"${version}"`;
    const done = await openRegistry(env).publishConfig(text, ifMatch);
    if (done.kind === "outdated") continue;
    const { rules: kept = {} } = checked.value;
    const rule = Object.hasOwn(kept, name) ? kept[name] : undefined;
    const answer =
      rule === undefined
        ? new Response(null, { status: 204 })
        : jsonResponse({ name, ...rule }, Object.hasOwn(rules, name) ? 200 : 201);
    answer.headers.set("etag", `"${done.version}"`);
    return answer;
  }
  return problemResponse(BUSY);
}

/** Names a fault's place in the rule that was sent, not in the configuration around it. */
function atRule(name: string) {
  const start = `/rules/${name}`;
  return <Fault extends { readonly pointer: string }>(fault: Fault): Fault =>
    fault.pointer.startsWith(start)
      ? { ...fault, pointer: fault.pointer.slice(start.length) }
      : fault;
}

function unknown(name: string): Problem {
  return {
    code: "rule-unknown",
    status: 404,
    title: "There is no such rule",
    detail: `No rule is called "${name.slice(0, 64)}": GET /v1/rules lists those that are published`,
  };
}

const BUSY: Problem = {
  code: "config-busy",
  status: 409,
  title: "The configuration is being changed",
  detail:
    "Others published the configuration at the same time, again and again: send this once more",
};
