// What does a frame say? Prints an up-frame, a down-frame or a stored image so that a person can read
// it, or says exactly why it is none.

import { readFileSync } from "node:fs";
import { styleText } from "node:util";
import { Command } from "commander";
import { open } from "./frame/open.ts";
import { print } from "./frame/print.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import { runCommand } from "./terminal.ts";

const STDIN = 0;

function readInput(file: string, isHex: boolean): Uint8Array {
  const raw = readFileSync(file === "-" ? STDIN : file);
  if (!isHex) return Uint8Array.from(raw);
  const text = raw.toString("utf8").replaceAll(/\s+/g, "");
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text))
    throw new LaunchError("Cannot read hexadecimal: there are other characters, or half a byte");
  return Uint8Array.from(Buffer.from(text, "hex"));
}

function main(): void {
  const program = new Command("frame")
    .description("Prints a frame of the replication, sealed or not, or a stored image.")
    .argument("<file>", 'the file that holds it; "-" for standard input')
    .option("--hex", "the input is hexadecimal text")
    .parse();
  const { hex } = program.opts<{ hex?: true }>();
  const opening = open(readInput(program.args[0] ?? "-", hex === true));
  if (opening.kind === "refused")
    throw new LaunchError(`Cannot read it: ${opening.reasons.join("; ")}`);
  // Without colours unless standard output is a terminal that has them.
  const bold = (text: string): string => styleText("bold", text, { stream: process.stdout });
  process.stdout.write(`${print(opening.opened, opening.isSealed, bold).join("\n")}\n`);
}

await runCommand(main);
