// npm run fuzz:keys: do any two of a million URLs, spelt alike, share a cache key and not the request
// that the upstream gets, or the site? Progress goes to stderr, the last line is JSON.

import { Command } from "commander";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import { runCommand } from "../../tools/terminal.ts";
import { fuzzKeys } from "../support/fuzz-keys.ts";

const URLS_MAX = 10_000_000;

const options = new Command("fuzz:keys")
  .description("Compares what random URLs, and spellings of them, are stored under and sent on as.")
  .option("--urls <count>", "how many", "1000000")
  .option("--seed <number>", "what they are drawn from", "1")
  .parse()
  .opts<{ readonly urls: string; readonly seed: string }>();

function numberOf(name: string, text: string, max: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= max) return number;
  throw new LaunchError(`--${name} ${text} is not a whole number from 1 to ${max}`);
}

await runCommand(() => {
  const urls = numberOf("urls", options.urls, URLS_MAX);
  const seed = numberOf("seed", options.seed, 0xffffffff);
  const startMs = performance.now();
  const tally = fuzzKeys(urls, seed, undefined, (done) =>
    process.stderr.write(`· ${done} of ${urls} URLs\n`),
  );
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  const isOk = tally.violationCount === 0;
  process.stdout.write(`${JSON.stringify({ ok: isOk, seed, seconds, ...tally })}\n`);
  if (!isOk) process.exitCode = 1;
  return Promise.resolve();
});
