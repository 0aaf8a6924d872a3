// Which faults must the simulator find? Each plant breaks one place of the replication core on
// purpose, and a promise with it; `seed` is one that finds it. A check that cannot fail proves nothing.

import type { Plant } from "../../tools/launcher/build.ts";

/** A deliberate fault, the promise that it breaks, and a seed that shows it. */
export interface SimPlant extends Plant {
  readonly breaks: string;
  readonly invariant: string;
  readonly seed: number;
}

/** The faults, by name. */
export const PLANTS: Readonly<Record<string, SimPlant>> = {};
