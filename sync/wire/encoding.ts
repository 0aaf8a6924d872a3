// What is another encoding? Another way to say the same frames, which a program may pass to both ends
// of its links: who passes none carries none of it, and speaks plainly.

import type { decodeDown, encodeDown } from "./down-frame.ts";
import type { decodeUp, encodeUp } from "./up-frame.ts";

/** How a link is spoken: so that it can be seen whether another encoding is in use. */
export type Speech =
  | "plain"
  | "coded"
  /** Plainly until its end starts again, because what was coded was not understood. */
  | "given-up";

/** The edge's end of one link; a link that is opened again has another. */
export interface EdgeEncoding {
  /** Writes a request; one that is repeated is not written again. */
  readonly up: typeof encodeUp;
  /**
   * Reads the answer. One that stands on an exchange that is not remembered here is `no-dictionary`,
   * and leaves a key in the dictionary: who holds any forgets all, and says another request plainly.
   */
  readonly down: typeof decodeDown;
  /** How the next frame will be said, as far as can be told. */
  readonly speech: () => Speech;
}

/** The hub's end of its links. */
export interface HubEncoding {
  /**
   * Reads a request. One that stands on an exchange that is not remembered here is `no-dictionary`,
   * and is said again plainly.
   */
  readonly up: typeof decodeUp;
  /** Writes the answer to the last request that was read, in the same turn. */
  readonly down: typeof encodeDown;
}
