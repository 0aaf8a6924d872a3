// npm run sim:explore: every way that a hub and two edges can go, up to a length, and what is wrong where
// it ends. The last line is JSON; ends with 1 if anything was, or if a planted fault was not found.

import { Command } from "commander";
import { PLANTS } from "../plants.ts";
import type { Explored } from "./explore.ts";
import { loadExplorer } from "./load.ts";
import { MODELS, type Model } from "./model.ts";
import { EXPLORED_PLANTS, PLANT_STATES } from "./plants.ts";

interface Options {
  readonly depth: string;
  readonly states: string;
  readonly model?: string;
  readonly plants?: true;
}

const names = MODELS.map(({ name }) => name);
const program = new Command("sim:explore")
  .description(
    "Explores every way that a hub and two edges can go: messages lost, late and repeated, crashes, a copy put back, a lease that ends.",
  )
  .option("--depth <actions>", "how long a way may be", "7")
  .option("--states <count>", "how many states of a model to visit at most", "20000")
  .option("--model <name>", `only this one: ${names.join(", ")}`)
  .option("--plants", "plant faults in turn, and show the shortest way to each")
  .parse();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function naturalOf(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`${option} ${text} is not a whole number`);
  return Number(text);
}

async function main(): Promise<boolean> {
  const { depth, states, model, plants } = program.opts<Options>();
  if (plants === true) return findPlants();
  const chosen = MODELS.filter(({ name }) => name === (model ?? name));
  if (chosen.length === 0) throw new RangeError(`${model} is not one of ${names.join(", ")}`);
  const bounds = { depth: naturalOf("--depth", depth), states: naturalOf("--states", states) };
  const startedMs = performance.now();
  const explorer = await loadExplorer();
  const results = chosen.map((each) => {
    const onDepth = (at: number, seen: number): void =>
      say(`· ${each.name}: ${seen} states within ${at} actions`);
    return { each, explored: explorer(each, { ...bounds, onDepth }) };
  });
  for (const { each, explored } of results) tell(each, explored);
  const ok = results.every(({ explored }) => explored.violation === null);
  const visited = results.reduce((sum, { explored }) => sum + explored.states, 0);
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  const models = results.map(({ each, explored }) => ({ model: each.name, ...explored }));
  say(JSON.stringify({ ok, states: visited, seconds, models }));
  return ok;
}

function tell({ name }: Model, { states, steps, depth, isWhole, violation }: Explored): void {
  const how = isWhole ? "all there are" : "then the bound of states was reached";
  say(`${name}: ${states} states by ${steps} ways, whole to ${depth} actions; ${how}`);
  if (violation !== null) say(`  ${violation.message}, after ${violation.actions.join(", ")}`);
}

async function findPlants(): Promise<boolean> {
  let isFound = true;
  for (const [name, modelName] of Object.entries(EXPLORED_PLANTS)) {
    const plant = PLANTS[name];
    const model = MODELS.find((each) => each.name === modelName);
    if (plant === undefined || model === undefined) throw new RangeError(`There is no ${name}`);
    const explorer = await loadExplorer([plant]);
    const { violation } = explorer(model, { depth: Infinity, states: PLANT_STATES });
    say(`${name.padEnd(20)} ${violation?.actions.join(", ") ?? "NOT FOUND"}`);
    isFound &&= violation !== null;
  }
  return isFound;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
