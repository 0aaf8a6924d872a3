// Do the commands in the documents exist? Every `npm run NAME -- --option` in a shell block is a
// script, and its command knows the options. (What they do is run by the other tests here.)

import assert from "node:assert/strict";
import { test } from "node:test";
import { listFiles, readFile } from "../support/repository.ts";
import { runTool } from "../support/run-tool.ts";

const { scripts } = JSON.parse(readFile("package.json")) as { scripts: Record<string, string> };

interface Command {
  readonly where: string;
  readonly line: string;
  readonly script: string;
  readonly options: readonly string[];
}

const commands: readonly Command[] = listFiles()
  .filter((file) => file.endsWith(".md"))
  .flatMap((file) =>
    [...readFile(file).matchAll(/^```(?:sh|bash|console)\n([\s\S]*?)^```/gm)]
      .flatMap(([, block = ""]) => block.split("\n"))
      .map((line) => line.replace(/^\$ /, "").trim())
      .filter((line) => /^npm (run \S+|start|test)\b/.test(line))
      .map((line) => commandOf(file, line)),
  );

function commandOf(where: string, line: string): Command {
  const script = /^npm (?:run )?(\S+)/.exec(line)?.[1] ?? "";
  const options = line.replace(/\s#.*$/, "").match(/(?<=\s)--[a-z][a-z-]*/g) ?? [];
  return { where, line, script, options };
}

test("the documents have commands", () => {
  assert.ok(commands.length > 0);
});

for (const { where, line, script, options } of commands) {
  test(`${where}: ${line}`, async () => {
    const tool = /(?:tools|bench)\/[\w-]+\.ts/.exec(scripts[script] ?? "")?.[0];
    assert.ok(scripts[script] !== undefined, `there is no script "${script}"`);
    if (tool === undefined || options.length === 0) return;
    const { exitCode, output } = await runTool(tool, ["--help"], 10_000);
    assert.equal(exitCode, 0);
    for (const option of options)
      assert.ok(output.includes(`${option} `), `it has no option ${option}`);
  });
}
