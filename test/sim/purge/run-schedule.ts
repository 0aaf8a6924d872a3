// Does the bound of a purge hold in one schedule? (P5.) Its seed draws who asks for what, who purges what,
// and all that goes wrong. No response that was made before a purge may be given in a region later than
// a lease after that region held the purge.

import { PUBLISHED, RFC, SAFE } from "../../../edge/cache/cache-policy.ts";
import { limits } from "../../../edge/limits.ts";
import { scopesOf, type PurgeRequest } from "../../../edge/purge-scopes.ts";
import { Prng } from "../prng.ts";
import {
  pathOf,
  SimIsolate,
  SimRegion,
  SITES,
  tagOf,
  tellMarks,
  type MadePurge,
  type Weather,
} from "./purge-world.ts";
import { VirtualTime } from "./virtual-time.ts";

/** A response that was given past the bound. */
export interface Violation {
  readonly seed: number;
  readonly message: string;
}

/** What a schedule came to. */
export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly responses: number;
  /** Those that came to pages which had been purged in their region before. */
  readonly afterPurges: number;
  readonly violations: readonly Violation[];
}

const REGIONS = ["hel", "sto", "tll"];
const PAGES = 4;
const REQUESTS = 30;
const PURGES_MAX = 4;
const SPAN_MS = 6_000;
/** How often a region tells the others all that it holds. */
const TELL_MS = 1_000;

class Schedule {
  readonly #seed: number;
  readonly #chance: Prng;
  readonly #time = new VirtualTime();
  readonly #regions: readonly SimRegion[];
  readonly #isolates: readonly SimIsolate[];
  readonly #weather: Weather;
  readonly #made: MadePurge[] = [];
  readonly #violations: Violation[] = [];
  #responses = 0;
  #afterPurges = 0;

  constructor(seed: number) {
    this.#seed = seed;
    const chance = new Prng(seed);
    this.#chance = chance;
    const isCalm = chance.chance(0.2);
    this.#weather = {
      loss: isCalm ? 0 : chance.pick([0.1, 0.3, 0.6]),
      repeat: isCalm ? 0 : 0.2,
      delayMsMax: chance.pick([50, 500, 3_000]),
      headMsMax: chance.pick([50, 400, 2_000]),
      bodyMsMax: chance.pick([100, 1_000, 4_000]),
      policy: chance.pick([SAFE, SAFE, RFC, PUBLISHED]),
    };
    this.#regions = REGIONS.map((id) => new SimRegion(id, chance.between(-300_000, 300_000) + 1e6));
    this.#isolates = this.#regions.flatMap((region) =>
      [0, 1].map(() => new SimIsolate(region, this.#time, chance, this.#weather)),
    );
  }

  async run(): Promise<Outcome> {
    const at = (run: () => void): void => this.#time.after(this.#chance.below(SPAN_MS), run);
    for (let i = 0; i < REQUESTS; i += 1) at(() => void this.#request());
    const purgesMade = this.#chance.between(1, PURGES_MAX);
    for (let i = 0; i < purgesMade; i += 1) at(() => this.#purge());
    for (let i = 0; i < 3; i += 1) at(() => this.#disturb());
    for (const region of this.#regions)
      for (let ms = this.#chance.below(TELL_MS); ms < SPAN_MS; ms += TELL_MS)
        this.#time.after(ms, () => this.#tell(region));
    await this.#time.run(3 * SPAN_MS);
    return {
      seed: this.#seed,
      steps: this.#time.steps,
      responses: this.#responses,
      afterPurges: this.#afterPurges,
      violations: this.#violations,
    };
  }

  async #request(): Promise<void> {
    const page = this.#chance.below(PAGES);
    const isolate = this.#chance.pick(this.#isolates);
    const madeMs = await isolate.ask(page);
    if (madeMs === null) return;
    this.#responses += 1;
    const { nowMs } = this.#time;
    for (const purge of this.#made) {
      const heldMs = purge.heldMs.get(isolate.region.id);
      if (purge.isSoft || heldMs === undefined || !purge.means(page)) continue;
      if (nowMs <= heldMs + limits.leaseMs) continue;
      this.#afterPurges += 1;
      if (madeMs >= purge.madeMs) continue;
      const late = nowMs - heldMs - limits.leaseMs;
      this.#violations.push({
        seed: this.#seed,
        message: `page ${page} made at ${madeMs} was given in ${isolate.region.id} at ${nowMs}, ${late} ms past the bound of purge ${purge.id} made at ${purge.madeMs}`,
      });
    }
  }

  #purge(): void {
    const region = this.#chance.pick(this.#regions);
    const page = this.#chance.below(PAGES);
    const [request, means] = this.#chance.pick<readonly [PurgeRequest, MadePurge["means"]]>([
      [{ urls: [`https://a.example${pathOf(page)}`] }, (other) => other === page],
      [{ tags: [tagOf(page)] }, (other) => tagOf(other) === tagOf(page)],
      [{ prefixes: [`https://a.example/d${page % 2}/`] }, (other) => other % 2 === page % 2],
      [{ hosts: ["a.example"] }, () => true],
      [{ all: true }, () => true],
    ]);
    const isSoft = this.#chance.chance(0.1);
    const scopes = scopesOf({ ...request, mode: isSoft ? "soft" : "hard" }, SITES);
    if (!scopes.ok) throw new Error("A purge of the schedule is wrong");
    const { nowMs } = this.#time;
    region.replica.purge(nowMs + region.skewMs, scopes.value);
    const heldMs = new Map([[region.id, nowMs]]);
    this.#made.push({ id: this.#made.length, madeMs: nowMs, heldMs, means, isSoft });
    this.#tell(region);
  }

  /** Sends what a region holds to the others: lost, late, twice, in any order. */
  #tell(from: SimRegion): void {
    const { loss, repeat, delayMsMax } = this.#weather;
    if (this.#time.nowMs < from.cutUntilMs) return;
    for (const to of this.#regions) {
      if (to === from || this.#chance.chance(loss)) continue;
      const times = this.#chance.chance(repeat) ? 2 : 1;
      for (let i = 0; i < times; i += 1) {
        const delayMs = this.#chance.below(delayMsMax);
        tellMarks(this.#time, { from, to, delayMs }, this.#made);
      }
    }
  }

  #disturb(): void {
    const { nowMs } = this.#time;
    const region = this.#chance.pick(this.#regions);
    const untilMs = nowMs + this.#chance.below(4_000);
    const kind = this.#chance.below(3);
    if (kind === 0) region.cutUntilMs = untilMs;
    else if (kind === 1) region.silentUntilMs = untilMs;
    else this.#chance.pick(this.#isolates).forget();
  }
}

/** Runs one schedule; equal seeds come to the same. */
export function runSchedule(seed: number): Promise<Outcome> {
  return new Schedule(seed).run();
}
