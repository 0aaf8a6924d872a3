// Which processes did this one start, and are they gone? Every child of the launcher is
// registered here, so that none outlives a launcher that ends in an error. Only children are ever
// signalled, never a process found by name.

import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";

const alive = new Set<Child>();
const listeners = new Set<(pid: number) => void>();
let isWatching = false;

/** Tells `listener` the number of each process that is started. Returns how to stop. */
export function onSpawn(listener: (pid: number) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A process that the launcher started. */
export class Child {
  readonly process: ChildProcess;
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<string>;
  /** With its own process group, its children go with it. */
  readonly #isGroup: boolean;

  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.#isGroup = options.detached === true;
    this.process = spawn(command, args, options);
    this.exited = new Promise((resolve) => {
      this.process.once("error", (error) => resolve(error.message));
      this.process.once("exit", (code, signal) =>
        resolve(signal ?? `exit code ${code ?? "unknown"}`),
      );
    });
    watchExit();
    alive.add(this);
    void this.exited.then(() => {
      alive.delete(this);
      this.#endGroup();
    });
    if (this.process.pid === undefined) return;
    for (const listener of listeners) listener(this.process.pid);
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get isAlive(): boolean {
    return alive.has(this);
  }

  /** Sends `signal` if the process still runs. */
  signal(signal: NodeJS.Signals): void {
    if (!this.isAlive || this.process.pid === undefined) return;
    try {
      process.kill(this.#isGroup ? -this.process.pid : this.process.pid, signal);
    } catch {
      // It ended between the look and the signal.
    }
  }

  /** Ends the process: SIGTERM, and SIGKILL if it still runs after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Ends the process without giving it a chance to tidy up, as a power cut does. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** One that was killed by others could not end its own children, which would keep its port. */
  #endGroup(): void {
    if (!this.#isGroup || this.process.pid === undefined) return;
    try {
      process.kill(-this.process.pid, "SIGKILL");
    } catch {
      // Nobody is left in it.
    }
  }
}

/** An uncaught error ends the launcher without its `finally` blocks; the children go all the same. */
function watchExit(): void {
  if (isWatching) return;
  isWatching = true;
  process.once("exit", () => {
    for (const child of alive) child.signal("SIGKILL");
  });
}
