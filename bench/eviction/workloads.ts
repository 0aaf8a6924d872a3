// What is asked for, and how large is it? Six seeded sequences of requests, each of which some policy
// of eviction is bad at.

/** Chance from a seed (mulberry32). */
class Prng {
  #state: number;

  constructor(seed: number, stream: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream, 0x85ebca6b);
  }

  /** Draws from [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.unit() * count);
  }
}

/** Requests for numbered objects, whose sizes are by their numbers. */
export interface Workload {
  readonly name: string;
  readonly requests: Uint32Array;
  /** Bytes of each object. */
  readonly sizes: Uint32Array;
}

/** How long a workload is. */
export interface Scale {
  readonly requests: number;
  readonly objects: number;
}

type Draw = () => number;

/** Draws ranks from 0, each as often as `1 / (rank + 1) ** exponent` says. */
function zipf(objects: number, exponent: number, prng: Prng): Draw {
  const sums = new Float64Array(objects);
  let sum = 0;
  for (let rank = 0; rank < objects; rank += 1) {
    sum += 1 / (rank + 1) ** exponent;
    sums[rank] = sum;
  }
  return () => {
    const point = prng.unit() * sum;
    let [low, high] = [0, objects - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < point) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Sizes as of the web: lognormal, half of them below 8 KiB, none above 1 MiB. */
function drawSizes(count: number, prng: Prng): Uint32Array {
  const sizes = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) {
    const normal = Math.sqrt(-2 * Math.log(1 - prng.unit())) * Math.cos(2 * Math.PI * prng.unit());
    sizes[i] = Math.round(Math.min(1_048_576, Math.max(256, 8_192 * Math.exp(1.3 * normal))));
  }
  return sizes;
}

/** Draws `share` of the requests from objects that are asked for once. */
function withOnce(draw: Draw, objects: number, share: number, prng: Prng): Draw {
  let next = objects;
  return () => {
    if (prng.unit() >= share) return draw();
    next += 1;
    return next - 1;
  };
}

/** What is popular changes: of `every` requests, a share of the ranks gets new objects. */
function drifting(draw: Draw, objects: number, every: number, share: number, prng: Prng): Draw {
  const objectOf = Uint32Array.from({ length: objects }, (_, rank) => rank);
  let count = 0;
  return () => {
    count += 1;
    if (count % every === 0) {
      for (let i = 0; i < objects * share; i += 1) {
        const [a, b] = [prng.below(objects), prng.below(objects)];
        [objectOf[a], objectOf[b]] = [objectOf[b] ?? 0, objectOf[a] ?? 0];
      }
    }
    return objectOf[draw()] ?? 0;
  };
}

/** Now and then somebody asks for `length` objects one after the other. */
function withScans(draw: Draw, objects: number, every: number, length: number): Draw {
  let [count, from, left] = [0, 0, 0];
  return () => {
    count += 1;
    if (left > 0) {
      left -= 1;
      return objects + from + left;
    }
    if (count % every === 0) {
      left = length;
      from = (from + length) % (2 * length);
    }
    return draw();
  };
}

/** Makes the six workloads of a seed. */
export function drawWorkloads(seed: number, scale: Scale): readonly Workload[] {
  const { objects, requests } = scale;
  const make = (name: string, number: number, drawOf: (prng: Prng) => Draw): Workload => {
    const prng = new Prng(seed, number);
    const draw = drawOf(prng);
    const drawn = Uint32Array.from({ length: requests }, draw);
    const count = drawn.reduce((most, id) => Math.max(most, id + 1), 0);
    return { name, requests: drawn, sizes: drawSizes(count, prng) };
  };
  const scan = Math.round(objects * 0.15);
  return [
    make("zipf 0.8", 1, (prng) => zipf(objects, 0.8, prng)),
    make("zipf 1.0", 2, (prng) => zipf(objects, 1, prng)),
    make("cdn", 3, (prng) => withOnce(zipf(objects, 0.9, prng), objects, 0.25, prng)),
    make("drift", 4, (prng) => {
      const every = Math.round(requests / 50);
      const draw = drifting(zipf(objects, 1, prng), objects, every, 0.02, prng);
      return withOnce(draw, objects, 0.15, prng);
    }),
    make("scan", 5, (prng) => withScans(zipf(objects, 0.9, prng), objects, 3 * scan, scan)),
    make("crawl", 6, (prng) => withOnce(zipf(objects / 10, 0.9, prng), objects, 0.6, prng)),
  ];
}
