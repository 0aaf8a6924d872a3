// Where do the secrets of `wrangler dev` come from? From here: one set of keys for both Workers.

import { existsSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { drawIssuer, drawKeys, formatVars } from "./launcher/keys.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import { makeStateDir } from "./launcher/state-dir.ts";
import { runCommand } from "./terminal.ts";

const FILES = { edge: ".dev.vars", origin: "origin/.dev.vars" } as const;

const program = new Command("keys")
  .description(`Draws keys for development and writes ${FILES.edge} and ${FILES.origin}.`)
  .option("--force", "replace keys that are there; every token made with them stops working")
  .option("--dir <folder>", "the folder to write below", ".")
  .option("--next <file>", "draw only the next issuer's key, to rotate to, into this file")
  .parse();

async function main(): Promise<void> {
  const { force, dir, next } = program.opts<{ force?: true; dir: string; next?: string }>();
  if (next !== undefined) return drawNext(next);
  const held = Object.values(FILES).find((file) => existsSync(path.join(dir, file)));
  if (held !== undefined && force !== true) {
    throw new LaunchError(`${held} is there already: keep its keys, or replace them with --force`);
  }
  const keys = await drawKeys();
  for (const worker of ["edge", "origin"] as const) {
    const file = path.join(dir, FILES[worker]);
    makeStateDir(path.dirname(file));
    // A file that is written over keeps its old mode.
    rmSync(file, { force: true });
    writeFileSync(file, formatVars(keys, worker), { mode: 0o600, flag: "wx" });
    console.log(`Wrote ${file}`);
  }
  console.log(`
Next, in two terminals:
  npx wrangler dev -c origin/wrangler.toml --port 8790
  npx wrangler dev
A token for yourself:
  npm run token -- --operator me --scope "read ingest publish"
For a deployment, set the same names with "npx wrangler secret put NAME".`);
}

/** Draws the issuer's key that is to follow; nothing that runs changes. */
async function drawNext(file: string): Promise<void> {
  if (existsSync(file)) throw new LaunchError(`${file} is there already: move it away first`);
  const { publicKey, privateKey } = await drawIssuer();
  const text = JSON.stringify({ public: publicKey, private: privateKey }, null, 2);
  writeFileSync(file, `${text}\n`, { mode: 0o600, flag: "wx" });
  console.log(`Wrote ${file}: POST its "public" to the origin's /v1/keys, then give the origin its
"private" as ISSUER_PRIVATE_KEY, then DELETE /v1/keys/{kid} of the key before`);
}

await runCommand(main);
