// Do the commands of docs/operations.md for one machine work, in a copy of the repository, as they
// stand there? wrangler dev runs in the background as it would in two terminals; only ports differ.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claimPort } from "../../tools/launcher/ports.ts";
import { commandsBelow } from "../support/documents.ts";
import { listFiles, ROOT } from "../support/repository.ts";
import { RunningTool } from "../support/run-tool.ts";

const copy = mkdtempSync(path.join(os.tmpdir(), "skerry-operations-"));
const servers: RunningTool[] = [];
const answers = new Map<string, string>();
let exports = "";
let move: (text: string) => string;

before(async () => {
  for (const file of listFiles()) {
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    cpSync(path.join(ROOT, file), path.join(copy, file));
  }
  symlinkSync(path.join(ROOT, "node_modules"), path.join(copy, "node_modules"));
  const [edge, origin] = [await claimPort(0), await claimPort(0)];
  move = (text) => text.replaceAll("8787", String(edge)).replaceAll("8790", String(origin));
  const config = path.join(copy, "wrangler.toml");
  writeFileSync(config, move(readFileSync(config, "utf8")));
});
after(async () => {
  await Promise.all(servers.map(({ child }) => child.stop(10_000)));
  rmSync(copy, { recursive: true, force: true });
});

test("every command for one machine works as it stands", { timeout: 120_000 }, async () => {
  const commands = commandsBelow("docs/operations.md", "On one machine, under wrangler dev");
  assert.ok(commands.length >= 8);
  for (const shown of commands) {
    const command = move(shown);
    if (command.startsWith("npx wrangler dev")) await serve(command);
    else if (command.startsWith("export ")) exports += `${command}\n`;
    else answers.set(shown, run(command));
  }
  const answerTo = (pattern: RegExp): string =>
    [...answers].find(([command]) => pattern.test(command))?.[1] ?? "";
  assert.match(answerTo(/run publish/), /index\.html/);
  assert.match(
    answerTo(/127\.0\.0\.1:8787/),
    /^HTTP\/1\.1 200 OK[\s\S]*cache-status: skerry-region; fwd=miss/i,
  );
  assert.match(answerTo(/v1\/devices -H/), /"device":"boat-1"/);
  assert.match(answerTo(/credentials/), /"token":"ey/);
});

async function serve(command: string): Promise<void> {
  const port = /--port (\d+)/.exec(command)?.[1] ?? "";
  const inspector = await claimPort(0);
  // wrangler's own inspector port would meet that of another run.
  const server = new RunningTool(
    "bash",
    ["-c", `cd ${copy} && exec ${command} --inspector-port ${inspector}`],
    { CI: "1" },
  );
  servers.push(server);
  for (let tries = 0; tries < 400; tries += 1) {
    const isLive = await fetch(`http://127.0.0.1:${port}/livez`).then(
      (response) => response.ok,
      () => false,
    );
    if (isLive) return;
    await sleep(100);
  }
  throw new Error(`${command} did not answer: ${server.output}`);
}

function run(command: string): string {
  const env = { ...process.env, NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" };
  return execFileSync("bash", ["-c", `set -e\n${exports}${command}`], {
    cwd: copy,
    encoding: "utf8",
    timeout: 30_000,
    env,
  });
}
