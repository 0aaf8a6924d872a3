// Does `npm start` do what it prints? The lines to paste are pasted.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../support/repository.ts";
import { claimPortBlock } from "../support/port-block.ts";
import { RunningTool, runTool } from "../support/run-tool.ts";

const stateDir = path.join(mkdtempSync(path.join(os.tmpdir(), "skerry-start-")), "state");
const running: RunningTool[] = [];
after(async () => {
  if (existsSync(path.join(stateDir, "lock"))) {
    for (const pid of notedPids().filter(isAlive)) process.kill(pid, "SIGTERM");
    await awaitGone(notedPids());
  }
  rmSync(path.dirname(stateDir), { recursive: true, force: true });
});
/** What a test that failed has left holds the state directory, and would fail the next ones too. */
afterEach(async () => {
  await Promise.all(running.map(({ child }) => child.stop(END_MS_MAX)));
});
const START_MS_MAX = 30_000;
const END_MS_MAX = 10_000;
/** In a session of its own, so that what a start leaves does not go with the group of this test. */
const APART = ["--wait"] as const;

async function start(
  command: string = process.execPath,
  before: readonly string[] = ["tools/start.ts"],
): Promise<RunningTool> {
  const port = await claimPortBlock();
  const args = [...before, "--port", String(port), "--state", stateDir];
  const tool = new RunningTool(command, args);
  running.push(tool);
  await tool.until(/Ctrl-C ends everything/, START_MS_MAX);
  return tool;
}

/** Pastes the lines that the start told to paste, or those of them that match. */
function paste({ output }: RunningTool, wanted: RegExp = /curl/): string {
  const lines = output.split("\n").filter((line) => /^ {2}(DEVICE=|READER=|curl )/.test(line));
  assert.equal(lines.length, 7);
  const pasted = lines.filter((line) => wanted.test(line) || !line.includes("curl"));
  return execFileSync("bash", ["-c", pasted.join("\n")], { encoding: "utf8", timeout: 20_000 });
}

/** Pastes the line for the origin's totals until they are what they have to be. */
async function awaitTotals(tool: RunningTool, totals: RegExp): Promise<void> {
  let answer = "";
  for (let tries = 0; tries < 50 && !totals.test(answer); tries += 1) {
    await sleep(200);
    answer = paste(tool, /\$READER/);
  }
  assert.match(answer, totals);
}

test("npm start answers every line that it prints, ends on Ctrl-C, and goes on where it was", async () => {
  const first = await start();
  const answers = paste(first);
  assert.match(answers, /"accepted":5,"duplicates":0/);
  assert.match(answers, /"view":"regional"[^\n]*"depth_m":\{"count":5,"sum":"53"/);
  assert.match(answers, /HTTP\/1\.1 200 OK[\s\S]*cache-status: /i);
  assert.match(answers, /"region":"hel"/);
  await awaitTotals(first, /"view":"all-regions"[^\n]*"depth_m":\{"count":5,"sum":"53"/);
  // The line for the readings again: the same batch is not counted again.
  assert.match(paste(first, /readings/), /"accepted":0,"duplicates":5/);
  first.child.signal("SIGINT");
  assert.equal((await first.end(END_MS_MAX)).exitCode, 0);

  const second = await start();
  paste(second);
  await awaitTotals(second, /"view":"all-regions"[^\n]*"depth_m":\{"count":10,"sum":"106"/);
  second.child.signal("SIGTERM");
  assert.equal((await second.end(END_MS_MAX)).exitCode, 0);
});

/** The processes that the lock of the state directory names: the owner first. */
function notedPids(): number[] {
  const lines = readFileSync(path.join(stateDir, "lock"), "utf8").trim().split("\n");
  return lines.map((line) => Number(line.split(" ")[0]));
}

function isAlive(pid: number): boolean {
  try {
    // A process that has ended but was not collected yet has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

async function awaitGone(pids: readonly number[]): Promise<void> {
  for (let tries = 0; tries < 200 && pids.some(isAlive); tries += 1) await sleep(50);
  assert.deepEqual(pids.filter(isAlive), []);
}

test("npm start keeps a site that was published, and the line for publishing works", async () => {
  const tool = await start();
  assert.match(tool.output, /Keeping the site "main" that is there/);
  const folder = path.join(path.dirname(stateDir), "my-site");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "mine.html"), "mine\n");
  const line = /^ {2}(npm run publish .*)$/m.exec(tool.output)?.[1] ?? "";
  const published = execFileSync("bash", ["-c", line.replace("./your-folder", folder)], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.match(published, /Published 1 of 1 files/);
  assert.match(published, /stay published/);
  const edge = /hel +(http:\S+)/.exec(tool.output)?.[1] ?? "";
  assert.equal(await (await fetch(`${edge}/mine.html`)).text(), "mine\n");

  const kill = /^ {2}(kill -s .*)$/m.exec(tool.output)?.[1] ?? "";
  execFileSync("bash", ["-c", kill]);
  await tool.until(/The origin is cut off/, 5_000);
  assert.equal((await fetch(`${edge}/mine.html`)).status, 200);
  assert.ok((await fetch(`${edge}/never-asked.html`)).status >= 500);
  execFileSync("bash", ["-c", kill]);
  await tool.until(/The origin is back/, 5_000);
  tool.child.signal("SIGTERM");
  assert.equal((await tool.end(END_MS_MAX)).exitCode, 0);
});

test("npm start brings back what dies, and the next one ends what a killed one left", async () => {
  const tool = await start("setsid", [...APART, process.execPath, "tools/start.ts"]);
  const [owner = 0, ...children] = notedPids();
  const regionPid = children.find((pid) => commandOf(pid).includes("/hel/edge.capnp")) ?? 0;
  const originPid = children.find((pid) => commandOf(pid).includes("origin-child.ts")) ?? 0;
  process.kill(regionPid, "SIGKILL");
  await tool.until(/Region hel ended \(SIGKILL\): its log is .*edge\.log/, 5_000);
  await tool.until(/Region hel is back/, START_MS_MAX);
  process.kill(originPid, "SIGKILL");
  await tool.until(/The origin ended \(SIGKILL\): its log is .*origin\.log/, 5_000);
  await tool.until(/The origin is back/, START_MS_MAX);
  paste(tool, /\$READER/);

  const left = notedPids().filter((pid) => pid !== owner);
  process.kill(owner, "SIGKILL");
  await tool.end(END_MS_MAX);
  assert.ok(left.some(isAlive));
  const next = await start();
  assert.match(next.output, /Ended what a killed start had left: process \d+/);
  assert.deepEqual(left.filter(isAlive), []);
  next.child.signal("SIGTERM");
  assert.equal((await next.end(END_MS_MAX)).exitCode, 0);
});

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function commandOf(pid: number): string {
  return isAlive(pid) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
}

test("SIGTERM to npm ends everything that npm start has started", async () => {
  await start("setsid", [...APART, "npm", "start", "--"]);
  const pids = notedPids();
  assert.ok(pids.length >= 5 && pids.every(isAlive));
  let npm = pids[0] ?? 0;
  while (npm > 1 && !commandOf(npm).startsWith("npm")) npm = parentOf(npm);
  assert.ok(npm > 1);
  // To npm alone, and not to its group.
  process.kill(npm, "SIGTERM");
  await awaitGone(pids);
});

test("npm start says in one line what is wrong", async () => {
  const { exitCode, output } = await runTool("tools/start.ts", ["--port", "abc"], END_MS_MAX);
  assert.equal(exitCode, 1);
  assert.equal(output, '"abc" is not a port: use a number from 1024 to 65529\n');
});
