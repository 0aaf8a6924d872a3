// How do I get a token? Signs one for an operator or a device with the keys of a key file.

import { Command } from "commander";
import { RATE_MAX } from "../doors/claims.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import {
  mintDeviceToken,
  mintOperatorToken,
  parseScopes,
  readKeys,
  TOKEN_DAYS,
  type TokenGrant,
} from "./launcher/keys.ts";
import { runCommand } from "./terminal.ts";

interface Options {
  readonly operator?: string;
  readonly scope: string;
  readonly sites?: string;
  readonly device?: string;
  readonly prefixes?: string;
  readonly rate?: string;
  readonly days: string;
  readonly keys: string;
}

const program = new Command("token")
  .description("Prints a token for an operator or for a device.")
  .option("--operator <name>", "whose token it is; the name is in the logs")
  .option(
    "--scope <scopes>",
    "what the operator may do: read, ingest, purge, publish, admin",
    "read",
  )
  .option("--sites <sites>", "the only sites that the operator may purge, with commas")
  .option("--device <device>", "the device whose token it is")
  .option("--prefixes <prefixes>", "how the streams begin that the device may write, with commas")
  .option("--rate <readings>", "readings a second that the device may send")
  .option("--days <days>", "how long the token works", String(TOKEN_DAYS))
  .option("--keys <file>", "keys.json of a state directory, or a .dev.vars", "origin/.dev.vars")
  .parse();

const DAYS_MAX = 3_650;

async function main(): Promise<void> {
  const { operator, scope, sites, device, days, keys } = program.opts<Options>();
  const lifeDays = Number(days);
  if (!(lifeDays > 0 && lifeDays <= DAYS_MAX)) {
    throw new LaunchError(`--days ${days} does not do: use a number up to ${DAYS_MAX}`);
  }
  if ((operator === undefined) === (device === undefined)) {
    throw new LaunchError("Say whose token: either --operator NAME or --device NAME");
  }
  const signing = readKeys(keys);
  console.log(
    device === undefined
      ? await mintOperatorToken(
          signing,
          operator ?? "",
          parseScopes(scope),
          lifeDays,
          sites?.split(","),
        )
      : await mintDeviceToken(signing, device, lifeDays, grantOf(program.opts<Options>())),
  );
}

function grantOf({ prefixes, rate }: Options): TokenGrant {
  if (rate !== undefined && !(Number(rate) > 0 && Number(rate) <= RATE_MAX)) {
    throw new LaunchError(`--rate ${rate} does not do: use a number up to ${RATE_MAX}`);
  }
  return {
    ...(prefixes === undefined ? {} : { prefixes: prefixes.split(",") }),
    ...(rate === undefined ? {} : { rate: Number(rate) }),
  };
}

await runCommand(main);
