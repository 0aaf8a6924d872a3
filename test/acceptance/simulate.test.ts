// Does `npm run simulate` tell the truth about a real world: that it holds, also when an edge and
// the origin are killed meanwhile, and that it does not when a part is broken on purpose?

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { drawKeys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { openWorld, type World } from "../../tools/launcher/world.ts";
import { PLANTS } from "../../tools/plants.ts";
import { commandsBelow } from "../support/documents.ts";
import { claimPortBlock } from "../support/port-block.ts";
import { ROOT } from "../support/repository.ts";
import { RunningTool, runTool, type ToolRun } from "../support/run-tool.ts";

const START_MS_MAX = 30_000;
const RUN_MS_MAX = 60_000;
const dirs: string[] = [];
const worlds: World[] = [];
after(async () => {
  for (const world of worlds) await world.close();
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

interface Figures {
  readonly held: boolean;
  readonly delivered: number;
  readonly counted: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly failed: number;
  readonly undelivered: number;
  readonly differentDevices: number;
}

async function open(plants: Parameters<typeof openWorld>[0]["plants"] = []) {
  const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-sail-"));
  dirs.push(stateDir);
  const world = await openWorld({
    stateDir,
    basePort: 0,
    plants,
    regions: DEFAULT_REGIONS.slice(0, 2),
  });
  worlds.push(world);
  const edges = world.regions.map(({ url }) => url).join();
  const at = ["--edges", edges, "--origin", world.origin.url];
  const keys = ["--keys", path.join(stateDir, "keys.json")];
  return { world, target: [...at, ...keys] };
}

function figuresOf({ output }: ToolRun): Figures {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  assert.match(last, /^\{/, output);
  return JSON.parse(last) as Figures;
}

const SMALL = ["--devices", "40", "--rate", "800", "--batch", "10", "--duplicates", "0.3"];

const { world, target } = await open();

test("--world: a fleet sails for some seconds, and the origin counts what was accepted", async () => {
  const ended = await runTool(
    "tools/simulate.ts",
    ["--world", ...SMALL, "--seconds", "6"],
    RUN_MS_MAX,
  );
  const figures = figuresOf(ended);
  assert.deepEqual([ended.exitCode, figures.held], [0, true], ended.output);
  assert.match(ended.output, /^ +5 s {2}[\d,]+ readings\/s {2}accepted [\d,]+ {2}.*backlog \d+$/m);
  assert.equal(figures.counted, figures.delivered);
  assert.ok(figures.delivered > 6 * 800 * 0.6, `${figures.delivered} delivered`);
  // Some repeated batches were new to the other region.
  assert.ok(figures.duplicates > 0 && figures.accepted > figures.delivered);
});

test("an edge and the origin are killed meanwhile: it takes longer, and holds", async () => {
  const args = ["tools/simulate.ts", ...target, ...SMALL, "--seconds", "4"];
  const tool = new RunningTool(process.execPath, args);
  await tool.until(/devices begin to send/, RUN_MS_MAX);
  await sleep(1_500);
  await Promise.all([world.region("hel").edge.kill(), world.origin.kill()]);
  await sleep(500);
  await Promise.all([world.region("hel").edge.resume(), world.origin.resume()]);
  const ended = await tool.end(RUN_MS_MAX);
  const figures = figuresOf(ended);
  assert.deepEqual([ended.exitCode, figures.held], [0, true], ended.output);
  assert.ok(figures.failed > 0, "no kill hit a request");
});

test("over streams it holds too, an edge killed meanwhile", async () => {
  const args = ["tools/simulate.ts", ...target, ...SMALL, "--transport", "ws", "--seconds", "6"];
  const tool = new RunningTool(process.execPath, args);
  await tool.until(/devices begin to send/, RUN_MS_MAX);
  await sleep(1_500);
  await world.region("hel").edge.kill();
  await sleep(500);
  await world.region("hel").edge.resume();
  const ended = await tool.end(RUN_MS_MAX);
  const figures = figuresOf(ended);
  assert.deepEqual([ended.exitCode, figures.held], [0, true], ended.output);
  assert.ok(figures.failed > 0, "no kill hit a stream");
});

test("Ctrl-C ends the sending early, and what was sent is compared", async () => {
  const args = ["tools/simulate.ts", ...target, ...SMALL, "--seconds", "300"];
  const tool = new RunningTool(process.execPath, args);
  await tool.until(/devices begin to send/, RUN_MS_MAX);
  await sleep(1_000);
  tool.child.signal("SIGINT");
  const ended = await tool.end(RUN_MS_MAX);
  assert.deepEqual([ended.exitCode, figuresOf(ended).held], [0, true], ended.output);
});

test("a planted fault: readings of two regions count twice, and it says so with exit code 1", async () => {
  const planted = await open([PLANTS.dedup]);
  const args = [...planted.target, ...SMALL, "--seconds", "3", "--duplicates", "1"];
  const ended = await runTool("tools/simulate.ts", args, RUN_MS_MAX);
  const figures = figuresOf(ended);
  assert.deepEqual([ended.exitCode, figures.held], [1, false], ended.output);
  assert.ok(figures.differentDevices > 0 && figures.counted > figures.delivered);
});

test("what cannot be done is one line, with exit code 1", async () => {
  const otherKeys = path.join(dirs[0] ?? "", "other-keys.json");
  writeFileSync(otherKeys, JSON.stringify(await drawKeys()));
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--port", "11000"], /^Nothing answers at http:\/\/127\.0\.0\.1:\d+: run "npm start".*\n$/],
    [["--world", "--devices", "0"], /^--devices 0 does not do: .*\n$/],
    [["--edges", "hel", "--origin", world.origin.url], /^"hel" is not a URL: .*\n$/],
    [[...target, "--devices", "1"], /use more --devices or a lower --rate\n$/],
    [[...target, "--keys", "none"], /^There is no key file none: .*\n$/],
    [[...target, "--keys", otherKeys, ...SMALL], /\/readings gave 401: .*\n$/],
  ];
  for (const [args, said] of wrong) {
    const ended = await runTool("tools/simulate.ts", args, RUN_MS_MAX);
    assert.equal(ended.exitCode, 1);
    assert.match(ended.output, said);
  }
});

test("the README's commands for devices do what they say, beside a start", async () => {
  const [connect = "", simulate = "", ...others] = commandsBelow("README.md", "Devices");
  assert.deepEqual(others, []);
  assert.deepEqual(commandsBelow("examples/device/README.md", "Run it")[0], connect);
  const port = await claimPortBlock();
  const stateDir = path.join(mkdtempSync(path.join(os.tmpdir(), "skerry-shown-")), "state");
  dirs.push(path.dirname(stateDir));
  const args = ["tools/start.ts", "--port", String(port), "--state", stateDir];
  const start = new RunningTool(process.execPath, args);
  try {
    await start.until(/Ctrl-C ends everything/, START_MS_MAX);
    const token = start.output.split("\n").find((line) => /^ {2}DEVICE=/.test(line)) ?? "";
    const bash = (line: string) =>
      execFileSync("bash", ["-c", line], { cwd: ROOT, encoding: "utf8", timeout: RUN_MS_MAX });
    const moved = connect.replace(/localhost:(87\d\d)/g, (_, shown: string) => {
      return `localhost:${Number(shown) - 8_787 + port}`;
    });
    const buffer = path.join(path.dirname(stateDir), "buffer");
    const sent = bash(`${token}\n${moved} --buffer ${buffer}`);
    assert.match(sent, /sent \S+ to hel: 15 new, 0 known\n.* 0 readings in 0 batches wait/);
    const short = `--seconds 3 --port ${port} --state ${stateDir}`;
    assert.match(bash(`${simulate} ${short}`), /\{"held":true,"devices":1000,.*\}\n$/);
  } finally {
    await start.child.stop(10_000);
  }
});
