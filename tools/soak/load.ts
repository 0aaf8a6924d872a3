// What is asked for in a soak? Each kind of request that the cache treats in its own way, mixed.

import type { Asking, Outcome, SoakClient } from "./client.ts";
import { FLAKY, SOAK, type SoakUpstream } from "./upstream.ts";

/** What a soak has seen of one kind of request. */
export interface KindTally {
  asked: number;
  hits: number;
  refused: number;
  cut: number;
}

/** What a soak has seen. */
export interface LoadTally {
  readonly kinds: Record<string, KindTally>;
  requests: number;
  /** Bodies with a byte that is not theirs. */
  wrong: number;
  /** Answers of a version that a write, or a purge a lease before, had ended. */
  outdated: number;
  /** Errors and cuts where the server had not failed. */
  unexpected: number;
  purges: number;
  /** The first of what should not be. */
  readonly told: string[];
}

/** Ends what is stored of a target; resolves when the edge has confirmed. */
export type Purge = (target: string) => Promise<void>;

const LANGUAGES = ["en", "fi", "sv", "de", "is"];
const OBJECTS = 300;
const BURST = 12;
const TOLD_MAX = 20;
/** How long after a purge what was before it may still be served (P5). */
const LEASE_MS = 1_000;

/** How often each kind is drawn, of a thousand. */
const SHARES: Readonly<Record<string, number>> = {
  hit: 420,
  miss: 140,
  variant: 90,
  range: 80,
  revalidated: 70,
  uncacheable: 60,
  head: 20,
  flaky: 60,
  left: 25,
  large: 8,
  burst: 12,
  written: 10,
  purged: 5,
};

/** Draws requests, sends them and keeps count. */
export class SoakLoad {
  readonly tally: LoadTally = {
    kinds: {},
    requests: 0,
    wrong: 0,
    outdated: 0,
    unexpected: 0,
    purges: 0,
    told: [],
  };
  readonly #client: SoakClient;
  readonly #upstream: SoakUpstream;
  readonly #purge: Purge;
  readonly #below: (count: number) => number;
  /** The oldest version of a target that may still be served, and from when on. */
  readonly #floors = new Map<string, { readonly version: number; readonly fromMs: number }[]>();
  #cold = 0;

  constructor(
    client: SoakClient,
    upstream: SoakUpstream,
    purge: Purge,
    below: (count: number) => number,
  ) {
    this.#client = client;
    this.#upstream = upstream;
    this.#purge = purge;
    this.#below = below;
  }

  /** Does one thing of a kind that is drawn. */
  async step(): Promise<void> {
    const kind = this.#draw();
    const object = `/obj/${this.#skewed(OBJECTS)}`;
    switch (kind) {
      case "burst": {
        this.#cold += 1;
        const asking = { host: SOAK, target: `/burst/${this.#cold}` };
        await Promise.all(Array.from({ length: BURST }, () => this.#ask(kind, asking)));
        return;
      }
      case "written":
        return this.#write(object);
      case "purged":
        return this.#end(object);
      default:
        return void (await this.#ask(kind, this.#askingOf(kind, object)));
    }
  }

  #askingOf(kind: string, object: string): Asking {
    const brief = `/brief/${this.#below(40)}`;
    const from = this.#below(400);
    switch (kind) {
      case "miss":
        return { host: SOAK, target: `/cold/${(this.#cold += 1)}` };
      case "variant": {
        const variant = LANGUAGES[this.#below(LANGUAGES.length)] ?? "";
        const target = `/vary/${this.#below(60)}`;
        return { host: SOAK, target, variant, fields: { "accept-language": variant } };
      }
      case "range":
        return { host: SOAK, target: object, fields: { range: `bytes=${from}-${from + 99}` } };
      case "revalidated":
        return { host: SOAK, target: brief };
      case "uncacheable":
        return { host: SOAK, target: `/private/${this.#below(50)}` };
      case "head":
        return { host: SOAK, target: object, method: "HEAD" };
      case "flaky":
        return { host: FLAKY, target: this.#below(2) === 0 ? brief : `/flaky/${this.#below(200)}` };
      case "left":
        return { host: SOAK, target: this.#largeOrCold(), leaveAfter: 1 };
      case "large":
        return { host: SOAK, target: `/large/${this.#below(20)}` };
      default:
        return { host: SOAK, target: object };
    }
  }

  #largeOrCold(): string {
    this.#cold += 1;
    return this.#below(4) === 0 ? `/large/${this.#below(20)}` : `/burst/left-${this.#cold}`;
  }

  /** A write ends what is stored of its target before its answer leaves. */
  async #write(target: string): Promise<void> {
    const outcome = await this.#ask("written", { host: SOAK, target, method: "POST" });
    if (outcome.kind === "right") this.#raise(target, outcome.version, performance.now());
  }

  async #end(target: string): Promise<void> {
    const version = this.#upstream.change(target);
    await this.#purge(target);
    this.tally.purges += 1;
    this.#raise(target, version, performance.now() + LEASE_MS);
  }

  async #ask(kind: string, asking: Asking): Promise<Outcome> {
    const startedMs = performance.now();
    const outcome = await this.#client.ask(asking);
    this.#count(kind, asking, startedMs, outcome);
    return outcome;
  }

  #count(kind: string, { host, target }: Asking, startedMs: number, outcome: Outcome): void {
    const { tally } = this;
    const one = (tally.kinds[kind] ??= { asked: 0, hits: 0, refused: 0, cut: 0 });
    one.asked += 1;
    tally.requests += 1;
    const isFlaky = host === FLAKY;
    if (outcome.kind === "wrong") {
      tally.wrong += 1;
      this.#tell(`wrong: ${outcome.detail}`);
    } else if (outcome.kind === "right") {
      if (outcome.isHit) one.hits += 1;
      if (isFlaky || outcome.version >= this.#floorOf(target, startedMs)) return;
      tally.outdated += 1;
      this.#tell(`outdated: ${target} in version ${outcome.version}`);
    } else if (outcome.kind !== "left") {
      if (outcome.kind === "cut") one.cut += 1;
      else one.refused += 1;
      if (isFlaky) return;
      tally.unexpected += 1;
      this.#tell(`unexpected: ${kind} ${target} ${JSON.stringify(outcome)}`);
    }
  }

  #tell(what: string): void {
    if (this.tally.told.length < TOLD_MAX) this.tally.told.push(what);
  }

  #raise(target: string, version: number, fromMs: number): void {
    const floors = this.#floors.get(target) ?? [];
    // What has held for long enough says it all for what came before it.
    const held = floors.findLastIndex((floor) => floor.fromMs <= performance.now());
    this.#floors.set(target, [...floors.slice(Math.max(0, held)), { version, fromMs }]);
  }

  #floorOf(target: string, atMs: number): number {
    const floors = this.#floors.get(target) ?? [];
    return Math.max(0, ...floors.filter(({ fromMs }) => fromMs <= atMs).map((f) => f.version));
  }

  #draw(): string {
    let left = this.#below(1_000);
    for (const [kind, share] of Object.entries(SHARES)) {
      left -= share;
      if (left < 0) return kind;
    }
    return "hit";
  }

  /** Small numbers more often than large ones. */
  #skewed(count: number): number {
    return Math.floor((this.#below(1_000) / 1_000) ** 2 * count);
  }
}
