// Is a state directory one run's at a time, and is only a launcher's own ever removed?

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { lockStateDir, resetStateDir } from "../../../../tools/launcher/state-dir.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-state-"));
after(() => rmSync(dir, { recursive: true, force: true }));

test("lockStateDir() refuses a directory in use, and gives it back", () => {
  const state = path.join(dir, "one");
  const unlock = lockStateDir(state);
  assert.throws(() => lockStateDir(state), new RegExp(`in use by process ${process.pid}`));
  unlock();
  lockStateDir(state)();
});

test("lockStateDir() takes over from a run that was killed", () => {
  const state = path.join(dir, "two");
  mkdirSync(state);
  // Beyond the largest process id that Linux gives.
  writeFileSync(path.join(state, "lock"), "4194305\n");
  lockStateDir(state)();
});

test("resetStateDir() removes what a launcher made, and nothing else", () => {
  const made = path.join(dir, "made");
  mkdirSync(made);
  writeFileSync(path.join(made, "keys.json"), "{}");
  resetStateDir(made);
  assert.ok(!existsSync(made));
  const other = path.join(dir, "other");
  mkdirSync(other);
  assert.throws(() => resetStateDir(other), /no start made it/);
  assert.ok(existsSync(other));
  resetStateDir(path.join(dir, "none"));
});

test("lockStateDir() says in a sentence why a folder cannot be made, and never spins", () => {
  const file = path.join(dir, "file");
  writeFileSync(file, "");
  assert.throws(() => lockStateDir(file), /^LaunchError: Cannot write to .*a file in its place/);
  assert.throws(() => lockStateDir(path.join(file, "below")), /a file in its place/);
  assert.throws(() => lockStateDir("/proc/skerry"), /cannot be made \(ENOENT\)/);
});
