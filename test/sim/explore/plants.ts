// Which of the simulator's planted faults does the explorer find, and in which model, within a few
// hundred states? The rest need counts, other kinds, damaged disks or longer ways than it looks at.

/** Names of plants, with the model that shows each. */
export const EXPLORED_PLANTS: Readonly<Record<string, string>> = {
  "value-made-up": "last-writes",
  "retry-cut-anew": "last-writes",
  "goes-down": "deletions",
  "context-when-sent": "star-set",
  "cursor-of-answer": "star-set",
};

/** States that are enough for each of them. */
export const PLANT_STATES = 600;
