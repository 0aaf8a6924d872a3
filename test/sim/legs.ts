// What did the exchanges of a link do until it was at rest? A leg is one of them.

import { HAS_HELLO, HAS_STATE } from "../../sync/wire/frame.ts";

/** Flags of a down-frame (docs/wire-format.md): it was applied, and it tells entries. */
const APPLIED = HAS_STATE;
const TELLS = HAS_HELLO;
/** Where a frame's flags stand. */
const FLAGS_AT = 3;

/** Exchanges of a link, counted. */
export interface Legs {
  readonly exchanges: number;
  /** Those that took entries up, or down. */
  readonly carrying: number;
  /** Those whose frame the hub did not apply: it asked for another first. */
  readonly refused: number;
}

export const NO_LEGS: Legs = { exchanges: 0, carrying: 0, refused: 0 };

/** Counts one more exchange, by the flags of its frames. */
export function countLeg(legs: Legs, request: Uint8Array, answer: Uint8Array): Legs {
  const [up = 0, down = 0] = [request[FLAGS_AT], answer[FLAGS_AT]];
  const isApplied = (down & APPLIED) !== 0;
  const isCarrying = isApplied && ((up & HAS_STATE) !== 0 || (down & TELLS) !== 0);
  return {
    exchanges: legs.exchanges + 1,
    carrying: legs.carrying + Number(isCarrying),
    refused: legs.refused + Number(!isApplied),
  };
}
