// Which readings are sent? Those of a device with four sensors, a value a second each with some
// jitter, that drift as rooms do. The same at every run, and no reading twice.

/** A device's next readings: instants, and for each stream a value an instant. */
export interface Readings {
  /** Epoch milliseconds, ascending. */
  readonly times: readonly number[];
  readonly columns: readonly { readonly stream: string; readonly values: readonly string[] }[];
}

/** Years ago, so that no system takes a reading for one of the future, however long the run is. */
const START_MS = 1_400_000_000_000;
const PERIOD_MS = 1_000;
const JITTER_MS = 40;

/** Streams, with the first value and the digits behind the point. */
const STREAMS = [
  ["battery_v", 12.6, 2],
  ["humidity_pct", 48.5, 1],
  ["pressure_hpa", 1013.2, 1],
  ["temperature_c", 21.3, 1],
] as const;

/** A device that measures: `next(n)` gives its next n readings. */
export class Device {
  readonly id: string;
  #seed: number;
  #instant = 0;
  readonly #levels: number[] = STREAMS.map(([, first, digits]) => Math.round(first * 10 ** digits));

  constructor(id: string, seed: number) {
    this.id = id;
    this.#seed = seed + 1;
  }

  /** Fewer readings than streams are of one instant and of the first streams. */
  next(count: number): Readings {
    const width = Math.min(count, STREAMS.length);
    const instants = count / width;
    if (!Number.isInteger(instants)) throw new RangeError(`${count} is no multiple of ${width}`);
    const times = Array.from({ length: instants }, () => this.#tick());
    const columns = STREAMS.slice(0, width).map(([stream, , digits], at) => ({
      stream,
      values: Array.from({ length: instants }, () => this.#drift(at, digits)),
    }));
    return { times, columns };
  }

  #tick(): number {
    this.#instant += 1;
    return START_MS + this.#instant * PERIOD_MS + (this.#draw() % (2 * JITTER_MS + 1)) - JITTER_MS;
  }

  #drift(at: number, digits: number): string {
    const level = (this.#levels[at] ?? 0) + (this.#draw() % 3) - 1;
    this.#levels[at] = level;
    return (level / 10 ** digits).toFixed(digits);
  }

  /** A whole number of 31 bits (xorshift32). */
  #draw(): number {
    let x = this.#seed;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#seed = x;
    return x >>> 1;
  }
}
