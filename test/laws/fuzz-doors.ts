// npm run fuzz:doors: does any of a million mutated requests to the doors for readings, over HTTP or
// a stream, end in a 5xx, an exception or a hang? Progress goes to stderr, the last line is JSON.

import { Command } from "commander";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import { runCommand } from "../../tools/terminal.ts";
import { fuzzDoors, unseenOutcomes } from "../support/fuzz-doors.ts";

const REQUESTS_MAX = 1_000_000_000;
/** From here on a run has seen every outcome that there is to see. */
const REQUESTS_ENOUGH = 20_000;

const options = new Command("fuzz:doors")
  .description("Sends mutated requests and messages to every door for readings.")
  .option("--requests <count>", "how many", "1000000")
  .option("--seed <number>", "what they are drawn from", "1")
  .parse()
  .opts<{ readonly requests: string; readonly seed: string }>();

function numberOf(name: string, text: string, max: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= max) return number;
  throw new LaunchError(`--${name} ${text} is not a whole number from 1 to ${max}`);
}

await runCommand(async () => {
  const requests = numberOf("requests", options.requests, REQUESTS_MAX);
  const seed = numberOf("seed", options.seed, 0xffffffff);
  const startMs = performance.now();
  const outcomes = await fuzzDoors(requests, seed, (done) =>
    process.stderr.write(`· ${done} of ${requests} requests\n`),
  );
  const unseen = requests < REQUESTS_ENOUGH ? [] : unseenOutcomes(outcomes);
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ requests, seed, seconds, outcomes, unseen })}\n`);
  if (unseen.length > 0) throw new LaunchError(`Never seen: ${unseen.join(", ")}`);
});
