// Which systems and workloads are there? A system is loaded in the process that runs it, and no other.

import type { Figures, Stage } from "./stage.ts";
import type { OpenSystem } from "./system.ts";
import { runChurn } from "./workloads/churn.ts";
import { runCodec } from "./workloads/codec.ts";
import { runCounters } from "./workloads/counters.ts";
import { runFleet } from "./workloads/fleet.ts";
import { runPartition } from "./workloads/partition.ts";
import { runTrickle } from "./workloads/trickle.ts";

export interface Contestant {
  readonly id: string;
  readonly label: string;
  /** The package whose version is reported; none: ours. */
  readonly package: string | null;
  readonly load: () => Promise<{ readonly open: OpenSystem }>;
  readonly quantumMs: 1 | 16 | 128;
  /** True for what only says how few bytes there could be. */
  readonly isFloor: boolean;
  /** True for what speaks the plain encoding, whose frames can be taken apart. */
  readonly isPlain?: true;
  /** What it is run on. */
  readonly workloads: readonly WorkloadId[];
}

export type WorkloadId = "W1" | "W2" | "W3" | "W4" | "W5" | "codec";

export const WORKLOADS: Readonly<Record<WorkloadId, (stage: Stage) => Promise<Figures>>> = {
  W1: runFleet,
  W2: runCounters,
  W3: runPartition,
  W4: runChurn,
  W5: runTrickle,
  codec: runCodec,
};

const COMMON: readonly WorkloadId[] = ["W1", "W2", "W3", "W4", "W5"];
export const WORKLOAD_IDS: readonly WorkloadId[] = [...COMMON, "codec"];

const skerry = () => import("./systems/skerry.ts");
const plain = async () => ({ open: (await skerry()).openPlain });
const OURS = { package: null, quantumMs: 16, isFloor: false, workloads: COMMON } as const;

export const CONTESTANTS: readonly Contestant[] = [
  {
    ...OURS,
    id: "floor",
    label: "byte floor",
    load: () => import("./systems/floor.ts"),
    isFloor: true,
  },
  { ...OURS, id: "skerry", label: "sync/", load: skerry, workloads: WORKLOAD_IDS },
  {
    ...OURS,
    id: "skerry-plain",
    label: "sync/, plain",
    load: plain,
    isPlain: true,
  },
  {
    ...OURS,
    id: "skerry-128",
    label: "sync/, 128 ms",
    load: skerry,
    quantumMs: 128,
    workloads: ["W1", "W3"],
  },
  { ...OURS, id: "yjs", label: "Yjs", package: "yjs", load: () => import("./systems/yjs.ts") },
  {
    ...OURS,
    id: "yjs-kv",
    label: "Yjs, YKeyValue",
    package: "y-utility",
    load: () => import("./systems/yjs-key-value.ts"),
  },
  {
    ...OURS,
    id: "loro",
    label: "Loro",
    package: "loro-crdt",
    load: () => import("./systems/loro.ts"),
  },
  {
    ...OURS,
    id: "tinybase",
    label: "TinyBase",
    package: "tinybase",
    load: () => import("./systems/tinybase.ts"),
  },
  {
    ...OURS,
    id: "automerge",
    label: "Automerge",
    package: "@automerge/automerge",
    load: () => import("./systems/automerge.ts"),
  },
];
