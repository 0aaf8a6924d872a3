// Which rules watch a device? What is published is compiled once: a threshold becomes numbers to
// compare with, and the rules of a device are found once and remembered.

import type { RuleSettings } from "../../state/rule.ts";
import { fnv1a32 } from "../../sync/hash.ts";
import { limits } from "../limits.ts";

/** A rule that is in force. */
export interface Rule {
  readonly name: string;
  /** Names its text: another text, another version. */
  readonly version: string;
  readonly settings: RuleSettings;
  readonly isAbove: boolean;
  readonly threshold: number;
  readonly clear: number;
  readonly forMs: number;
}

/** Rules by name, as they are published. */
export type PublishedRules = Readonly<Record<string, RuleSettings>>;

/** Tells whether a reading passes a rule's threshold. */
export function isBeyond({ isAbove, threshold }: Rule, value: number): boolean {
  return isAbove ? value > threshold : value < threshold;
}

/** Tells whether a reading ends an alert of a rule. */
export function isClear({ isAbove, clear }: Rule, value: number): boolean {
  return isAbove ? value <= clear : value >= clear;
}

/** The rules in force. */
export class RuleSet {
  readonly #rules: readonly Rule[];
  readonly #byName: ReadonlyMap<string, Rule>;
  readonly #byDevice = new Map<string, readonly Rule[]>();

  constructor(published: PublishedRules) {
    this.#rules = Object.entries(published).map(([name, settings]) => compile(name, settings));
    this.#byName = new Map(this.#rules.map((rule) => [rule.name, rule]));
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The rule of a name that watches a device; null: there is none. */
  find(name: string, device: string): Rule | null {
    const rule = this.#byName.get(name);
    return rule !== undefined && watches(rule, device) ? rule : null;
  }

  /** The rules that watch a device. */
  of(device: string): readonly Rule[] {
    const known = this.#byDevice.get(device);
    if (known !== undefined) return known;
    const found = this.#rules.filter((rule) => watches(rule, device));
    // Everyone is looked up again, once in so many devices.
    if (this.#byDevice.size >= limits.devicesPerHubMax) this.#byDevice.clear();
    this.#byDevice.set(device, found);
    return found;
  }
}

function watches({ settings }: Rule, device: string): boolean {
  const pattern = settings.device;
  return pattern.endsWith("*") ? device.startsWith(pattern.slice(0, -1)) : device === pattern;
}

function compile(name: string, settings: RuleSettings): Rule {
  const { above, below, forMs } = settings;
  const threshold = above ?? below ?? Number.NaN;
  return {
    name,
    version: fnv1a32(JSON.stringify(settings)).toString(16).padStart(8, "0"),
    settings,
    isAbove: above !== undefined,
    threshold,
    clear: settings.clear ?? threshold,
    forMs,
  };
}
