// Which world does a seed make? A swarm (Groce et al. 2012): each seed has some of the faults and some
// of the workload, at its own rates, because faults that are always on hide each other's effects.

import { Prng } from "./prng.ts";

const DRAWN_FAULTS = [
  "drop",
  "duplicate",
  "reorder",
  "partition",
  "timeout",
  "crash-edge",
  "crash-hub",
  "crash-in-turn",
  "torn-row",
  "restore-edge",
  "restore-hub",
  "clone-edge",
  "clock-jump",
  "clock-drift",
  "hub-clock",
  "expiry",
  "old-hub",
  "old-version",
  "hostile",
  "replay",
] as const;

/** Things that can go wrong; each can be left out when a failure is made smaller. */
export const FAULTS = [...DRAWN_FAULTS, "lose-position"] as const;

export type Fault = (typeof FAULTS)[number];

/** What is written. */
export const WORKLOADS = ["chains", "sets", "counts", "notes", "hub"] as const;
export type Workload = (typeof WORKLOADS)[number];

/** What happens in a step. */
export type Action =
  | "write"
  | "hub-write"
  | "wake"
  | "deliver"
  | "exchange"
  | "pause"
  | "check-rebuild"
  | Fault;

/** The world of a seed. */
export interface Plan {
  readonly seed: number;
  readonly edges: number;
  readonly steps: number;
  readonly faults: ReadonlySet<Fault>;
  readonly workloads: readonly Workload[];
  readonly weights: ReadonlyMap<Action, number>;
  readonly leaseMs: number;
  /** Longest pause between two steps. */
  readonly pauseMsMax: number;
  readonly quantumMs: 1 | 16 | 128;
  /** How often the world comes to rest: what was collected by then must stay away after. */
  readonly rounds: number;
  /** Whether the hub speaks the coded encoding beside the plain one, and which edges do. */
  readonly isHubCoded: boolean;
  readonly codedEdges: readonly boolean[];
  /** How many entries of the hub are worth a symbol of its sketches, and which edges ask for them. */
  readonly symbolEntries: number;
  readonly sketchingEdges: readonly boolean[];
}

/** What is left out of a plan to make a failure smaller. */
export interface Reduction {
  readonly without?: readonly Fault[];
  readonly steps?: number;
  readonly edges?: number;
  /** Steps that are left out. */
  readonly skip?: ReadonlySet<number>;
}

const EDGES_MAX = 6;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;

/** Draws the world of a seed. */
export function drawPlan(seed: number, reduction: Reduction = {}): Plan {
  const rng = new Prng(seed, 1);
  const faultShare = rng.pick([0, 0.15, 0.3, 0.5]);
  const drawn: Fault[] = DRAWN_FAULTS.filter(() => rng.chance(faultShare));
  const { losesPositions, ...sketches } = drawSketches(seed);
  if (losesPositions) drawn.push("lose-position");
  const faults = new Set(drawn.filter((fault) => !reduction.without?.includes(fault)));
  const some = WORKLOADS.filter(() => rng.chance(0.6));
  const edges = rng.pick([1, 2, 2, 3, 3, 4, EDGES_MAX]);
  const steps = rng.pick([40, 80, 120, 200, 300]);
  const weights = drawWeights(rng, faults);
  const leaseMs = rng.pick([2 * HOUR_MS, DAY_MS, 7 * DAY_MS]);
  return {
    seed,
    edges: reduction.edges ?? edges,
    steps: reduction.steps ?? steps,
    faults,
    workloads: some.length === 0 ? WORKLOADS : some,
    weights,
    leaseMs: faults.has("expiry") ? leaseMs : 100 * YEAR_MS,
    pauseMsMax: rng.pick([10_000, HOUR_MS, 3 * DAY_MS]),
    quantumMs: rng.pick([1, 16, 128]),
    rounds: rng.pick([1, 1, 2, 3]),
    ...drawEncodings(seed),
    ...sketches,
  };
}

/** Of half of the worlds every end speaks both encodings, of the others some do, or none. */
function drawEncodings(seed: number): Pick<Plan, "isHubCoded" | "codedEdges"> {
  const rng = new Prng(seed, 5);
  const share = rng.pick([1, 1, 0.6, 0]);
  const codedEdges = Array.from({ length: EDGES_MAX }, () => rng.chance(share));
  return { isHubCoded: rng.chance(share), codedEdges };
}

/** In three of four worlds hubs give sketches, to all edges or some; from 0 on they give none. */
function drawSketches(
  seed: number,
): Pick<Plan, "symbolEntries" | "sketchingEdges"> & { readonly losesPositions: boolean } {
  const rng = new Prng(seed, 7);
  const share = rng.pick([1, 1, 0.6, 0]);
  return {
    symbolEntries: share === 0 ? 0 : rng.pick([0.3, 0.5, 1, 2]),
    sketchingEdges: Array.from({ length: EDGES_MAX }, () => rng.chance(share)),
    losesPositions: rng.chance(0.4),
  };
}

/** How often a fault comes, beside the weights of ordinary work. */
const FAULT_WEIGHTS: Readonly<Record<Fault, number>> = {
  drop: 6,
  duplicate: 6,
  reorder: 0,
  partition: 2,
  timeout: 6,
  "crash-edge": 2,
  "crash-hub": 2,
  "crash-in-turn": 3,
  "torn-row": 0,
  "restore-edge": 1.5,
  "restore-hub": 1,
  "clone-edge": 0.7,
  "clock-jump": 1,
  "clock-drift": 1,
  "hub-clock": 1,
  expiry: 0,
  "old-hub": 0.5,
  "old-version": 0.5,
  hostile: 3,
  replay: 4,
  "lose-position": 2,
};

function drawWeights(rng: Prng, faults: ReadonlySet<Fault>): Map<Action, number> {
  const weights = new Map<Action, number>([
    ["write", rng.between(5, 25)],
    ["hub-write", rng.between(1, 6)],
    ["wake", rng.between(2, 15)],
    ["deliver", rng.between(5, 30)],
    ["exchange", rng.between(2, 15)],
    ["pause", rng.between(1, 5)],
    ["check-rebuild", 1.5],
  ]);
  for (const fault of FAULTS) {
    const weight = FAULT_WEIGHTS[fault] * (0.3 + 1.4 * rng.unit());
    if (faults.has(fault) && weight > 0) weights.set(fault, weight);
  }
  return weights;
}
