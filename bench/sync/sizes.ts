// How large is a run? As it counts, or quick.

export interface Sizes {
  readonly devices: number;
  readonly rounds: number;
  /** Fleet: devices that report at an edge in a round. */
  readonly reports: number;
  /** Counters: events of all edges and rounds. */
  readonly increments: number;
  /** Partition: updates of one edge alone, and keys that differ at a cold start. */
  readonly updates: number;
  readonly differing: number;
  /** Churn: members, rounds, and additions while another edge removes. */
  readonly members: number;
  readonly churnRounds: number;
  readonly concurrentAdds: number;
  /** Trickle: messages of one changed field. */
  readonly messages: number;
}

export const FULL: Sizes = {
  devices: 1_000,
  rounds: 50,
  reports: 100,
  increments: 200_000,
  updates: 100_000,
  differing: 80,
  members: 10_000,
  churnRounds: 20,
  concurrentAdds: 725,
  messages: 1_000,
};

export const QUICK: Sizes = {
  devices: 100,
  rounds: 4,
  reports: 20,
  increments: 4_000,
  updates: 2_000,
  differing: 20,
  members: 600,
  churnRounds: 4,
  concurrentAdds: 29,
  messages: 20,
};
