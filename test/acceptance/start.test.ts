// Does `npm start` do what it prints? The lines to paste are pasted.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claimPort } from "../../tools/launcher/ports.ts";
import { RunningTool, runTool } from "../support/run-tool.ts";

const stateDir = path.join(mkdtempSync(path.join(os.tmpdir(), "skerry-start-")), "state");
const running: RunningTool[] = [];
after(async () => {
  await Promise.all(running.map(({ child }) => child.stop(END_MS_MAX)));
  rmSync(path.dirname(stateDir), { recursive: true, force: true });
});
const START_MS_MAX = 30_000;
const END_MS_MAX = 10_000;

async function start(): Promise<RunningTool> {
  // Seven ports in a row; the next ones are free too on a machine that hands them out at random.
  const port = Math.min(await claimPort(0), 65_000);
  const args = ["tools/start.ts", "--port", String(port), "--state", stateDir];
  const tool = new RunningTool(process.execPath, args);
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

test("npm start says in one line what is wrong", async () => {
  const { exitCode, output } = await runTool("tools/start.ts", ["--port", "abc"], END_MS_MAX);
  assert.equal(exitCode, 1);
  assert.equal(output, '"abc" is not a port: use a number from 1024 to 65535\n');
});
