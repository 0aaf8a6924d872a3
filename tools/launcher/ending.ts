// What has to be ended, and has it been? A list that grows while things start.

type Step = () => void | Promise<void>;

/** Ends everything that was added, all at once, and only once. */
export class Ending {
  readonly #steps: Step[] = [];
  readonly #lastSteps: Step[] = [];
  #isOver = false;
  #running: Promise<void> | null = null;

  /** Adds something to end. What comes up while the rest is being ended, is ended with it. */
  add(step: Step): void {
    this.#steps.push(step);
  }

  /** Adds what may only happen when nothing runs any more. */
  addLast(step: Step): void {
    this.#lastSteps.push(step);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  run(): Promise<void> {
    this.#running ??= this.#endAll();
    return this.#running;
  }

  async #endAll(): Promise<void> {
    this.#isOver = true;
    while (this.#steps.length > 0) {
      await Promise.allSettled(this.#steps.splice(0).map(async (step) => step()));
    }
    await Promise.allSettled(this.#lastSteps.map(async (step) => step()));
  }
}
