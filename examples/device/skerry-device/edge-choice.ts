// Which edge is asked next, and when? The first one in the order of preference that is not waiting;
// one that failed waits with exponential back-off and full jitter, so that a fleet that lost its
// edge does not come back all at once. The preferred edge is tried again when its wait is over.

/** How long a failed edge waits: at random between 0 and a bound that doubles up to a maximum. */
export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** An edge to ask now, or how long none is to be asked. */
export type Choice =
  | { readonly kind: "ask"; readonly url: string }
  | { readonly kind: "wait"; readonly waitMs: number };

interface Standing {
  readonly url: string;
  failures: number;
  notBeforeMs: number;
}

/** Edges in the order of preference. Time is an argument, on a clock that does not go back. */
export class EdgeChoice {
  readonly #edges: readonly Standing[];
  readonly #backOff: BackOff;
  readonly #random: () => number;

  constructor(urls: readonly string[], backOff: BackOff, random: () => number = Math.random) {
    this.#edges = urls.map((url) => ({ url, failures: 0, notBeforeMs: 0 }));
    this.#backOff = backOff;
    this.#random = random;
  }

  choose(nowMs: number): Choice {
    const ready = this.#edges.find(({ notBeforeMs }) => notBeforeMs <= nowMs);
    if (ready !== undefined) return { kind: "ask", url: ready.url };
    const firstMs = Math.min(...this.#edges.map(({ notBeforeMs }) => notBeforeMs));
    return { kind: "wait", waitMs: firstMs - nowMs };
  }

  succeeded(url: string): void {
    for (const edge of this.#named(url)) Object.assign(edge, { failures: 0, notBeforeMs: 0 });
  }

  /**
   * Lets an edge wait.
   *
   * @param url Which; null for every edge.
   * @param waitMs What the edge asked for: the wait is never shorter.
   */
  failed(url: string | null, nowMs: number, waitMs: number | null): void {
    for (const edge of this.#named(url)) {
      const boundMs = Math.min(this.#backOff.maxMs, this.#backOff.firstMs * 2 ** edge.failures);
      const untilMs = nowMs + (waitMs ?? 0) + this.#random() * boundMs;
      edge.notBeforeMs = Math.max(edge.notBeforeMs, untilMs);
      edge.failures += 1;
    }
  }

  #named(url: string | null): readonly Standing[] {
    return url === null ? this.#edges : this.#edges.filter((edge) => edge.url === url);
  }
}
