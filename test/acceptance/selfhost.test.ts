// Does a region run alone, as selfhost/README.md says? With no origin in reach, it takes in what
// devices send, and has it after a restart.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { drawKeys, formatVars, mintDeviceToken } from "../../tools/launcher/keys.ts";
import { claimPort } from "../../tools/launcher/ports.ts";
import { RunningTool, runTool } from "../support/run-tool.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-selfhost-"));
const running: RunningTool[] = [];
after(async () => {
  await Promise.all(running.map(({ child }) => child.stop(5_000)));
  rmSync(dir, { recursive: true, force: true });
});
const keys = await drawKeys();
const keyFile = path.join(dir, ".dev.vars");
writeFileSync(keyFile, formatVars(keys, "edge"), { mode: 0o600 });
const port = await claimPort(0);
const nowhere = `http://127.0.0.1:${await claimPort(0)}`;
const where = ["--region", "lv", "--at", "56.95,24.11,LV,EU", "--origin", nowhere];
const what = ["--port", String(port), "--state", path.join(dir, "state"), "--keys", keyFile];
const url = `http://127.0.0.1:${port}/v1/devices/boat-1`;

async function start(): Promise<RunningTool> {
  const tool = new RunningTool(process.execPath, ["tools/selfhost.ts", ...where, ...what]);
  running.push(tool);
  await tool.until(/Region lv answers on/, 20_000);
  return tool;
}

test("a region alone keeps what it acknowledged, and ends in order", async () => {
  const headers = {
    authorization: `Bearer ${await mintDeviceToken(keys, "boat-1")}`,
    "content-type": "application/json",
  };
  const body = JSON.stringify({
    boot: "b1",
    seq: 1,
    t0: Date.now() - 5_000,
    step: 1_000,
    series: { depth_m: [1, 2] },
  });
  const first = await start();
  const sent = await fetch(`${url}/readings`, { method: "POST", headers, body });
  assert.equal(sent.status, 200);
  first.child.signal("SIGTERM");
  assert.equal((await first.end(10_000)).exitCode, 0);

  const second = await start();
  const { streams } = (await (await fetch(url, { headers })).json()) as {
    streams: Record<string, { count: number } | undefined>;
  };
  assert.equal(streams["depth_m"]?.count, 2);
  second.child.signal("SIGINT");
  assert.equal((await second.end(10_000)).exitCode, 0);
});

test("selfhost says in one line what is missing", async () => {
  const { exitCode, output } = await runTool(
    "tools/selfhost.ts",
    ["--region", "nowhere", "--origin", nowhere],
    10_000,
  );
  assert.equal(exitCode, 1);
  assert.equal(output, "Say where region nowhere stands, e.g. --at 60.17,24.94,FI,EU\n");
});
