// What does a system cost? Bytes of its messages, each raw or deflated, whichever is smaller; and the
// processor's time of what it does, without the bench's own work and without deflating.

import { deflateRawSync } from "node:zlib";
import type { Message } from "./system.ts";

/** Bytes and messages of one direction. */
export interface Way {
  messages: number;
  bytes: number;
  /** As they were before they were deflated. */
  rawBytes: number;
}

const newWay = (): Way => ({ messages: 0, bytes: 0, rawBytes: 0 });

/** The smaller of raw and deflated. */
export function smallerBytes(bytes: Uint8Array): number {
  return Math.min(bytes.length, deflateRawSync(bytes, { level: 9 }).length);
}

export class Meter {
  readonly up: Way = newWay();
  readonly down: Way = newWay();
  readonly #look: (message: Message) => void;
  #cpuUs = 0;

  /** @param look Sees every message. */
  constructor(look: (message: Message) => void = () => undefined) {
    this.#look = look;
  }

  /** Processor time, seconds. */
  get cpuS(): number {
    return this.#cpuUs / 1e6;
  }

  get bytes(): number {
    return this.up.bytes + this.down.bytes;
  }

  /** Does what is to be timed. */
  work<T>(run: () => T): T {
    const before = process.cpuUsage();
    const result = run();
    this.#charge(before);
    return result;
  }

  /** Does what sends messages: times it, and weighs them. */
  async send(run: () => Message[] | Promise<Message[]>): Promise<void> {
    const before = process.cpuUsage();
    const messages = await run();
    this.#charge(before);
    for (const message of messages) this.#weigh(message);
  }

  #charge(before: NodeJS.CpuUsage): void {
    const { user, system } = process.cpuUsage(before);
    this.#cpuUs += user + system;
  }

  #weigh(message: Message): void {
    const { way, bytes } = message;
    const isCounted = typeof bytes === "number";
    this[way].messages += 1;
    this[way].bytes += isCounted ? bytes : smallerBytes(bytes);
    this[way].rawBytes += isCounted ? bytes : bytes.length;
    this.#look(message);
  }
}
