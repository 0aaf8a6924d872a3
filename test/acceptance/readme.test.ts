// Do the README's commands answer what it says they answer? Each is run, in order, on a fresh start;
// times and random ids are left out of the comparison, nothing else.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { shownCommands, withoutRun } from "../support/documents.ts";
import { claimPortBlock } from "../support/port-block.ts";
import { RunningTool } from "../support/run-tool.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-readme-"));
const DOCUMENTED_PORT = 8787;
let tool: RunningTool;
let port = 0;

before(async () => {
  port = await claimPortBlock();
  const args = ["tools/start.ts", "--port", String(port), "--state", path.join(dir, "state")];
  tool = new RunningTool(process.execPath, args);
  await tool.until(/Ctrl-C ends everything/, 30_000);
});
after(async () => {
  await tool.child.stop(10_000);
  rmSync(dir, { recursive: true, force: true });
});

const commands = shownCommands("README.md");

test("the README shows commands with their answers", () => {
  assert.ok(commands.length >= 7);
});

for (const { command, answer } of commands) {
  test(`README: $ ${command.slice(0, 100)}`, () => {
    const tokens = tool.output.split("\n").filter((line) => /^ {2}(DEVICE|READER)=/.test(line));
    const moved = command.replace(
      /localhost:(87\d\d)/g,
      (_, shown: string) => `localhost:${Number(shown) - DOCUMENTED_PORT + port}`,
    );
    const output = execFileSync("bash", ["-c", [...tokens, moved].join("\n")], {
      cwd: dir,
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.equal(withoutRun(output), withoutRun(answer));
  });
}
