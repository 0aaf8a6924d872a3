// What did the exchanges of a link do until it was at rest? A leg is one of them.

/** Exchanges of a link, counted. */
export interface Legs {
  readonly exchanges: number;
  /** Those that took entries up, or down. */
  readonly carrying: number;
  /** Those whose frame the hub did not apply: it asked for another first. */
  readonly refused: number;
}

/** What an exchange did. */
export interface Leg {
  readonly isApplied: boolean;
  /** Groups of entries of the request, and of the answer. */
  readonly groups: number;
}

export const NO_LEGS: Legs = { exchanges: 0, carrying: 0, refused: 0 };

/** Counts one more exchange. */
export function countLeg(legs: Legs, { isApplied, groups }: Leg): Legs {
  return {
    exchanges: legs.exchanges + 1,
    carrying: legs.carrying + Number(isApplied && groups > 0),
    refused: legs.refused + Number(!isApplied),
  };
}
