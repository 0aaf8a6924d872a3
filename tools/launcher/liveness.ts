// Does it answer yet? Polls a health address until it says 200, its process ends, or time is up.

import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "./children.ts";

const POLL_MS = 15;
const ANSWER_MS_MAX = 2_000;

/** Waits for a 200 of `url`. Returns null, or in words why there was none. */
export async function waitUntilAlive(
  url: string,
  child: Child,
  boundMs: number,
): Promise<string | null> {
  const startedMs = performance.now();
  let last = "no answer";
  while (performance.now() - startedMs < boundMs) {
    if (!child.isAlive) return `its process ended with ${await child.exited}`;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
      await response.arrayBuffer();
      if (response.status === 200) return null;
      last = `status ${response.status}`;
    } catch {
      // Not listening yet.
    }
    await sleep(POLL_MS);
  }
  return `${last} on ${url} within ${boundMs} ms`;
}
