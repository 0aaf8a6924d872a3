// How does one see that pages and readings go on without the origin? By taking it away: a signal
// cuts every region's line to it, and the same signal again heals them.

import type { Link } from "../launcher/link.ts";

/** The signal that cuts off and heals. */
export const CUT_OFF_SIGNAL = "SIGUSR2";

/** Cuts all `links` if they are up and heals them if they are not. Says in one line what it did. */
export function toggleLinks(links: readonly Link[]): string {
  const isUp = links.every(({ state }) => state === "up");
  for (const link of links) {
    if (isUp) link.cut();
    else link.heal();
  }
  return isUp
    ? "The origin is cut off from every region; the same signal again brings it back"
    : "The origin is back: the regions hand over what they have taken in meanwhile";
}
