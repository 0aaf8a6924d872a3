// Does the log of a process stay within its bound while the process runs, and lose no more than it
// has to?

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../../../tools/launcher/children.ts";
import { startLogged } from "../../../../tools/launcher/process-log.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-log-"));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Writes a line of 100 bytes, numbered, every few milliseconds, until it is ended. */
const WRITER = `let n = 0; setInterval(() => {
  process.stdout.write(String(n++).padStart(9, "0") + " ".repeat(90) + "\\n");
}, 2);`;

function write(script: string): (log: number) => Child {
  return (log) => new Child(process.execPath, ["-e", script], { stdio: ["ignore", log, log] });
}

/** Waits until `isSo`; a test that waits too long fails by the assertion behind it. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await sleep(25);
}

test("P8 startLogged() sets the log of a running process aside, and it begins again", async () => {
  const file = path.join(dir, "running.log");
  const bounds = { logBytesMax: 5_000, logCheckMs: 20 };
  const child = startLogged(file, write(WRITER), bounds);
  await until(() => existsSync(`${file}.1`) && statSync(file).size > 0);
  await until(() => Number(readFileSync(file, "utf8").slice(0, 9)) > 100);
  await child.stop(2_000);
  const [older = "", newer = ""] = [`${file}.1`, file].map((name) => readFileSync(name, "utf8"));
  assert.ok(older.length > bounds.logBytesMax);
  // A writer that did not append would go on where it was, behind a hole of zero bytes.
  assert.match(newer, /^\d{9} {90}\n/);
  assert.ok(Number(newer.slice(0, 9)) > Number(older.slice(0, 9)));
});

test("startLogged() leaves a log within its bound as it is, and appends to it", async () => {
  const file = path.join(dir, "small.log");
  writeFileSync(file, "before\n");
  const child = startLogged(file, write(`console.log("after")`));
  await child.exited;
  assert.equal(readFileSync(file, "utf8"), "before\nafter\n");
  assert.ok(!existsSync(`${file}.1`));
});

test("startLogged() sets aside what an earlier run left over the bound", async () => {
  const file = path.join(dir, "left.log");
  writeFileSync(file, "before\n");
  const bounds = { logBytesMax: 5, logCheckMs: 60_000 };
  await startLogged(file, write(`console.log("after")`), bounds).exited;
  assert.equal(readFileSync(file, "utf8"), "after\n");
  assert.equal(readFileSync(`${file}.1`, "utf8"), "before\n");
});

test("startLogged() of a log that cannot be set aside empties it, so that the disk stays free", async () => {
  const file = path.join(dir, "full.log");
  // A folder in its place is as good as a disk without room: nothing can be copied there.
  mkdirSync(`${file}.1`);
  const child = startLogged(file, write(WRITER), { logBytesMax: 2_000, logCheckMs: 20 });
  const isBegunAnew = () => Number(readFileSync(file, "utf8").slice(0, 9)) > 0;
  await until(isBegunAnew);
  await child.stop(2_000);
  assert.ok(isBegunAnew());
});
