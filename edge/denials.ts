// Which devices does a region refuse, and how do its isolates keep up with that? The cell keeps one
// log of denials: an isolate that knows an older state of it is told what has changed since, one that
// knows too old a state is told all, and past a bound each device is asked about by itself.

/** What the registry says against a device. */
export interface DeviceDenial {
  /** The highest generation of its credentials that is refused; 0: none is. */
  readonly revokedGeneration: number;
  readonly isDisabled: boolean;
}

/** A device and what is said against it now; generation 0 and not disabled: nothing any more. */
export type Denied = readonly [device: string, revokedGeneration: number, isDisabled: boolean];

/** What an isolate is told of the denials. */
export type ToldDenials =
  | { readonly kind: "all"; readonly denied: readonly Denied[] }
  /** Since the state that it knows. */
  | { readonly kind: "changed"; readonly denied: readonly Denied[] }
  /** There are too many: the cell is to be asked about each device. */
  | { readonly kind: "ask" };

/** The bounds of a log. */
export interface DenialBounds {
  /** Devices that isolates are told by name. */
  readonly toldMax: number;
  /** Changes that are remembered for those who know an older state. */
  readonly changesMax: number;
}

/** What a region's cell says against devices, in the order in which it changed. */
export class DenialLog {
  readonly #bounds: DenialBounds;
  readonly #denials = new Map<string, DeviceDenial>();
  /** The devices of the last changes, oldest first. */
  readonly #changed: string[] = [];
  #changes = 0;
  /** The change since which there have not been too many. */
  #toldSince = 0;

  constructor(bounds: DenialBounds) {
    this.#bounds = bounds;
  }

  /** The number of the last change. */
  get changes(): number {
    return this.#changes;
  }

  get size(): number {
    return this.#denials.size;
  }

  find(device: string): DeviceDenial {
    return this.#denials.get(device) ?? NOTHING;
  }

  devices(): Iterable<string> {
    return this.#denials.keys();
  }

  /** Says what stands against a device now. */
  set(device: string, denial: DeviceDenial): void {
    const before = this.find(device);
    if (isSame(before, denial)) return;
    if (isSame(denial, NOTHING)) this.#denials.delete(device);
    else this.#denials.set(device, denial);
    this.#changes += 1;
    this.#changed.push(device);
    if (this.#denials.size > this.#bounds.toldMax) this.#toldSince = this.#changes + 1;
    // Half of them go at once, so that a change costs the same on average whatever the bound.
    if (this.#changed.length > this.#bounds.changesMax * 2)
      this.#changed.splice(0, this.#changed.length - this.#bounds.changesMax);
  }

  /** Tells what to know to whoever knows the state of a change; null: no state. */
  tell(known: number | null): ToldDenials {
    const { toldMax } = this.#bounds;
    if (this.#denials.size > toldMax) return { kind: "ask" };
    const oldest = this.#changes - this.#changed.length;
    // Who knows a state in which there were too many was told none of them.
    if (known === null || known < Math.max(oldest, this.#toldSince) || known > this.#changes)
      return { kind: "all", denied: this.#deniedOf(this.#denials.keys()) };
    const missed = new Set(this.#changed.slice(known - oldest));
    return { kind: "changed", denied: this.#deniedOf(missed) };
  }

  #deniedOf(devices: Iterable<string>): Denied[] {
    return Array.from(devices, (device) => {
      const { revokedGeneration, isDisabled } = this.find(device);
      return [device, revokedGeneration, isDisabled] as const;
    });
  }
}

/** What an isolate knows of a region's denials; never changed once made. */
export interface HeldDenials {
  /** True if the cell is to be asked about each device. */
  readonly mustAsk: boolean;
  readonly base: ReadonlyMap<string, DeviceDenial>;
  /** What has changed since `base`. */
  readonly recent: ReadonlyMap<string, DeviceDenial>;
}

/** Changes beside the base of `HeldDenials`; more of them are folded into a new base. */
const RECENT_MAX = 256;

export const NO_DENIALS: HeldDenials = { mustAsk: false, base: new Map(), recent: new Map() };

/** Adds what was told to what is known; what is known stays as it is. */
export function learn(known: HeldDenials, told: ToldDenials): HeldDenials {
  if (told.kind === "ask") return { ...NO_DENIALS, mustAsk: true };
  const news = new Map(
    told.denied.map(([device, revokedGeneration, isDisabled]) => [
      device,
      { revokedGeneration, isDisabled },
    ]),
  );
  if (told.kind === "all") return { mustAsk: false, base: news, recent: new Map() };
  const recent = new Map([...known.recent, ...news]);
  if (recent.size <= RECENT_MAX) return { mustAsk: false, base: known.base, recent };
  return { mustAsk: false, base: new Map([...known.base, ...recent]), recent: new Map() };
}

/** Finds what is said against a device. */
export function denialIn({ base, recent }: HeldDenials, device: string): DeviceDenial | null {
  return recent.get(device) ?? base.get(device) ?? null;
}

const NOTHING: DeviceDenial = { revokedGeneration: 0, isDisabled: false };

function isSame(left: DeviceDenial, right: DeviceDenial): boolean {
  return left.revokedGeneration === right.revokedGeneration && left.isDisabled === right.isDisabled;
}
