// How are links and lives told apart that know nothing of each other? By numbers drawn at random.

/** Draws a number from 1 to 2^32 - 1. */
export function drawNumber(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) || 1;
}
