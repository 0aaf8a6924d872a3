// How do the project's commands speak? Steps while they work, one clear line when they fail.

import { LaunchError, oneLine } from "./launcher/launch-error.ts";
import { PORT_MAX, PORT_MIN } from "./launcher/ports.ts";

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

/** Reads a whole number from a command line. */
export function parseCount(option: string, text: string, least: number, most: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  if (number >= least && number <= most) return number;
  throw new LaunchError(`${option} ${text} is not a whole number from ${least} to ${most}`);
}

/** Reads a port from a command line; `portMax` is the last one that leaves room for all. */
export function parsePort(text: string, portMax: number = PORT_MAX): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= PORT_MIN && port <= portMax) return port;
  throw new LaunchError(`"${text}" is not a port: use a number from ${PORT_MIN} to ${portMax}`);
}
