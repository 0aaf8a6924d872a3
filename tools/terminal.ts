// How do the project's commands speak? Steps while they work, one clear line when they fail.

import { LaunchError, oneLine } from "./launcher/launch-error.ts";

/** Runs a command; a failure is one line on stderr and exit code 1, never a stack. */
export async function runCommand(command: () => Promise<void> | void): Promise<void> {
  try {
    await command();
  } catch (error) {
    console.error(oneLine(error));
    process.exitCode = 1;
  }
}

/** Says what is being done now. */
export function say(step: string): void {
  console.log(`· ${step}`);
}

/** Reads a port from a command line. */
export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new LaunchError(`"${text}" is not a port: use a number from 1024 to 65535`);
}
