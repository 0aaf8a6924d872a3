// How does what a request leaves behind go on once its answer has left? The runtime is told once of all
// that is under way: each time costs as much as a good deal of the work itself.

import { log } from "../../doors/access-log.ts";

/** Opens the way to let work of one request go on. What fails of it is logged. */
export function openBackground(
  ctx: Pick<ExecutionContext, "waitUntil">,
): (work: Promise<unknown>) => void {
  let underWay = 0;
  let finish: () => void = () => undefined;
  const ended = (): void => {
    underWay -= 1;
    if (underWay === 0) finish();
  };
  const failed = (error: unknown): void => {
    log("background-failed", { error: String(error) });
    ended();
  };
  return (work) => {
    if (underWay === 0) ctx.waitUntil(new Promise<void>((resolve) => (finish = resolve)));
    underWay += 1;
    void work.then(ended, failed);
  };
}
