// How far is the bench, and how long will it take? A line on stderr a step.

/** Counts steps, of which each takes about as long as those before. */
export class Progress {
  readonly #steps: number;
  readonly #startedMs = performance.now();
  #done = 0;

  constructor(steps: number) {
    this.#steps = steps;
  }

  /** Says what was done. */
  step(what: string): void {
    this.#done += 1;
    const leftMs =
      ((performance.now() - this.#startedMs) / this.#done) * (this.#steps - this.#done);
    const left =
      leftMs < 90_000 ? `${Math.ceil(leftMs / 1000)} s` : `${Math.ceil(leftMs / 60_000)} min`;
    process.stderr.write(`${this.#done}/${this.#steps}  ${what}  (${left} left)\n`);
  }
}
