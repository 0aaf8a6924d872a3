// Where does one workload run on one system? In a process of its own, with a meter and a folder.

import { Meter, smallerBytes } from "./meter.ts";
import type { Sizes } from "./sizes.ts";
import type { Message, OpenSystem, Setting, System } from "./system.ts";

/** Figures of a run by name: bytes, seconds, counts. */
export type Figures = Readonly<Record<string, number>>;

export class Stage {
  readonly sizes: Sizes;
  readonly meter: Meter;
  /** Says how far it is. */
  readonly tick: (step: string) => void;
  readonly #open: OpenSystem;
  readonly #setting: Pick<Setting, "dir" | "quantumMs">;
  #system: System | null = null;

  constructor(
    open: OpenSystem,
    setting: Pick<Setting, "dir" | "quantumMs">,
    sizes: Sizes,
    { tick, look }: { tick: (step: string) => void; look: (message: Message) => void },
  ) {
    this.#open = open;
    this.#setting = setting;
    this.sizes = sizes;
    this.tick = tick;
    this.meter = new Meter(look);
  }

  get system(): System {
    if (this.#system === null) throw new TypeError("Open the system first");
    return this.#system;
  }

  async open(edges: readonly string[], counting: readonly string[] = []): Promise<void> {
    this.#system = await this.#open({ ...this.#setting, edges, counting });
  }

  /** Closes what was opened, and returns what it has to tell. */
  close(): Figures {
    const figures = this.#system?.figures?.() ?? {};
    this.#system?.close();
    return figures;
  }

  /** A meter for what is not part of the workload itself. */
  newMeter(): Meter {
    return new Meter();
  }

  /** What went to and fro, and the processor's time. */
  traffic(): Figures {
    const { up, down, cpuS } = this.meter;
    return {
      upBytes: up.bytes,
      downBytes: down.bytes,
      totalBytes: up.bytes + down.bytes,
      rawBytes: up.rawBytes + down.rawBytes,
      messages: up.messages + down.messages,
      cpuS,
    };
  }
}

/** Measures from now on how much memory is held: the heap, and what is outside it such as WebAssembly's. */
export function heapOf(): () => number {
  const held = (): number => {
    for (let i = 0; i < 3; i += 1) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = held();
  return () => held() - before;
}

/** Bytes of what the hub would store: raw or deflated part by part, whichever is smaller. */
export function snapshotBytes(system: System): number {
  return system.snapshot().reduce((sum, part) => sum + smallerBytes(part), 0);
}
