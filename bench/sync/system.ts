// What does a workload ask of a system? A hub and edges in one process, writes at any of them, and
// messages between them. Each system does it as its own documentation says is best.

/** A write. All of one call are made together; `atMs` is when, on clocks that agree. */
export type Op =
  /** Fields of a device have new values. */
  | {
      readonly kind: "report";
      readonly atMs: number;
      readonly device: string;
      readonly fields: readonly (readonly [field: string, value: number])[];
    }
  /** A device counted one more event, of size `by`. */
  | {
      readonly kind: "count";
      readonly atMs: number;
      readonly device: string;
      readonly by: number;
    }
  /** A member joins, or leaves. */
  | { readonly kind: "add" | "remove"; readonly atMs: number; readonly id: string };

/** A message between an edge and the hub; a number stands for bytes that nobody has to write. */
export interface Message {
  readonly way: "up" | "down";
  readonly bytes: Uint8Array | number;
}

/** What there is to open. */
export interface Setting {
  /** Names of edges; all exist from the beginning, and hold nothing. */
  readonly edges: readonly string[];
  /** Devices that will count: what a system has to declare before two edges use it. */
  readonly counting: readonly string[];
  /** Where a system may store; empty at the beginning. */
  readonly dir: string;
  readonly quantumMs: 1 | 16 | 128;
}

/** What a device has counted: events, and the sum of their sizes. */
export type Total = readonly [count: number, sum: number];

export const HUB = -1;

/** An edge by its place in the setting, or HUB. */
export type Replica = number;

export interface System {
  write(replica: Replica, ops: readonly Op[]): void;
  /** Carries what an edge has to the hub. */
  up(edge: number, nowMs: number): Message[] | Promise<Message[]>;
  /** Carries what the hub has to an edge. */
  down(edge: number, nowMs: number): Message[] | Promise<Message[]>;
  /** Brings an edge and the hub together when neither knows what the other has. */
  resync(edge: number, nowMs: number): Message[] | Promise<Message[]>;
  /** Opens an edge from what it has stored; or, with `isLost`, from its values alone. */
  reopen(edge: number, isLost: boolean): void;
  /** Values by `device/field`. */
  fields(replica: Replica): ReadonlyMap<string, number>;
  totals(replica: Replica): ReadonlyMap<string, Total>;
  members(replica: Replica): ReadonlySet<string>;
  /** What the hub would store, as small as it can; a list of its parts. */
  snapshot(): readonly Uint8Array[];
  /** What else there is to tell of it. */
  figures?(): Readonly<Record<string, number>>;
  close(): void;
}

export type OpenSystem = (setting: Setting) => System | Promise<System>;

/** Names a field of a device, where a system has one level of names. */
export function fieldKey(device: string, field: string): string {
  return `${device}/${field}`;
}

/** What was counted in one call, by device: for systems whose operations stay for ever. */
export function tally(ops: readonly Op[]): Map<string, Total> {
  const totals = new Map<string, Total>();
  for (const op of ops) {
    if (op.kind !== "count") continue;
    const [count, sum] = totals.get(op.device) ?? [0, 0];
    totals.set(op.device, [count + 1, sum + op.by]);
  }
  return totals;
}
