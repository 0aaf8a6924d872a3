// What does a region do with commands for its devices? It gives them to whoever fetches, takes the
// answers, and drops what has been over for long enough.

import type { Answering, CommandBook, GivenCommand, Queueing } from "../state/command-book.ts";
import { isDue, type AnswerState, type HeldCommand } from "../state/command.ts";
import { limits } from "./limits.ts";

/** What a region's replica has of commands. */
export interface CommandedReplica {
  readonly commands: CommandBook;
  /** The devices whose commands came over the link since this was last asked. */
  takeCommanded(): ReadonlySet<string>;
}

/** Requests that wait for a device (edge/platform/waiting.ts). */
export interface Waiters {
  news(device: string, ms: number): Promise<boolean>;
  wake(device: string): void;
}

/** What a region's commands are kept with. */
export interface CommandPorts {
  /** The replica as it is now; it may be another one after a failure. */
  readonly replica: () => CommandedReplica;
  /** Runs a write: on disk before its answer leaves, and sent soon. */
  readonly turn: <T>(write: (nowMs: number) => T) => T;
  readonly nowMs: () => number;
  readonly waiters: Waiters;
}

/** The commands of one region. */
export class RegionCommands {
  readonly #ports: CommandPorts;
  #sweptMs = 0;

  constructor(ports: CommandPorts) {
    this.#ports = ports;
  }

  list(device: string): HeldCommand[] {
    return this.#ports.replica().commands.list(device, this.#ports.nowMs());
  }

  /** Gives a device what it is to do; with nothing to give it waits for `waitMs`. */
  async fetch(device: string, waitMs: number): Promise<HeldCommand[]> {
    const { nowMs, waiters, turn, replica } = this.#ports;
    const untilMs = nowMs() + waitMs;
    for (;;) {
      // Only what is new is written: who fetches again in vain must not wake the link each time.
      const held = this.list(device).filter(isDue);
      const isNew = held.some(({ state }) => state === "queued");
      const due = isNew ? turn((now) => replica().commands.send(device, now)) : held;
      const leftMs = untilMs - nowMs();
      if (due.length > 0 || !(await waiters.news(device, leftMs))) return due;
    }
  }

  queue(device: string, given: GivenCommand, expiresMs: number): Queueing {
    const { turn, replica, waiters } = this.#ports;
    const queued = turn((now) => replica().commands.queue(device, given, expiresMs, now));
    if (queued.kind === "queued" && queued.isNew) waiters.wake(device);
    return queued;
  }

  answer(device: string, id: string, state: AnswerState, result: string | null): Answering {
    const { turn, replica } = this.#ports;
    return turn((now) => replica().commands.answer(device, id, state, result, now));
  }

  /** Wakes whoever waits for what the link has brought, and drops what is old, once a while. */
  refresh(): void {
    const { replica, waiters, turn, nowMs } = this.#ports;
    for (const device of replica().takeCommanded()) waiters.wake(device);
    if (Math.abs(nowMs() - this.#sweptMs) < limits.commandSweepMs) return;
    this.#sweptMs = nowMs();
    if (replica().commands.isEmpty) return;
    turn((now) => replica().commands.sweep(now));
  }
}
