// What did the edges answer so far? Counts of readings and requests, and how long answers took.

/** The counts of a 200. */
export interface ReadingCounts {
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly late: number;
  readonly quarantined: number;
}

/** Bounds of the histogram grow by this factor, from the first one: 5 % is as exact as it is. */
const GROWTH = 1.05;
const FIRST_MS = 0.1;
const BUCKETS = 300;

/** How long answers took, as counts in buckets: bounded, however many there are. */
export class Latencies {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, FIRST_MS) / FIRST_MS) / Math.log(GROWTH));
    const at = Math.min(bucket, BUCKETS - 1);
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
    this.#count += 1;
  }

  /** The time that `share` of the answers did not exceed, in milliseconds; 0 if there are none. */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return 0;
    const at = this.#buckets.findIndex((count) => (left -= count) <= 0);
    return FIRST_MS * GROWTH ** at;
  }
}

/** Counts of the whole run. */
export class Tally {
  /** Readings, as the edges' answers count them. */
  accepted = 0;
  duplicates = 0;
  conflicts = 0;
  rejected = 0;
  late = 0;
  quarantined = 0;
  /** Readings in requests that were answered with 200. */
  answered = 0;
  /** Readings of batches that an edge has, each batch once. */
  delivered = 0;
  /** Readings of batches that no edge had acknowledged when the run ended. */
  undelivered = 0;
  /** Requests: sent, refused with Retry-After, and without an answer or with a passing one. */
  requests = 0;
  refused = 0;
  failed = 0;
  /** Of all 200s, and of those since the last look. */
  readonly latencies = new Latencies();
  #recent = new Latencies();

  /** Takes the latencies since the last call. */
  takeRecent(): Latencies {
    const recent = this.#recent;
    this.#recent = new Latencies();
    return recent;
  }

  /** Adds a 200 to a request with `readings`, which took `tookMs`. */
  add(counts: ReadingCounts, readings: number, tookMs: number): void {
    this.latencies.add(tookMs);
    this.#recent.add(tookMs);
    this.accepted += counts.accepted;
    this.duplicates += counts.duplicates;
    this.conflicts += counts.conflicts;
    this.rejected += counts.rejected;
    this.late += counts.late;
    this.quarantined += counts.quarantined;
    this.answered += readings;
  }

  /** True if every reading that was posted is in one of the counts. */
  get addsUp(): boolean {
    const { accepted, duplicates, conflicts, rejected } = this;
    return this.answered === accepted + duplicates + conflicts + rejected;
  }
}
