// What may a person be told when a start fails? One line that names what was tried and what to do.

/** A failure whose message is written for the person at the terminal; it needs no stack. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
}

/** Says in one line what went wrong, for the end of a command. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n")[0] ?? "";
}
