// What do a batch's readings do to the rules that watch its device? Runs in the hub's turn, before the
// journal is written: what fires is stored in the transaction of the readings that made it fire, so that
// an alert and its cause are on disk together or not at all.

import type { AlertEnd, AlertReason, AlertsElsewhere, EndReason } from "../../state/alert.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import type { Committed } from "../journal/committed.ts";
import type { AlertStore, Episode } from "../ports.ts";
import { streamOf, type DeviceState } from "../telemetry/device-state.ts";
import { judge, type Stretch, type Turn, type WatchedReadings } from "./judge.ts";
import { isBeyond, RuleSet, type PublishedRules, type Rule } from "./rule-set.ts";

/** Whoever is told of what a hub commits. */
export interface Watch {
  /**
   * @param before The device before the batch.
   * @param after And with it.
   */
  observe(committed: Committed, before: DeviceState, after: DeviceState, stampMs: number): void;
}

/** The rules of one hub, at work. */
export class RuleWatch implements Watch {
  readonly #alerts: () => AlertStore;
  readonly #region: string;
  #rules = new RuleSet({});
  /** What fires in other regions, by device and rule: a device may have come from there. */
  readonly #elsewhere = new Map<string, Map<string, Episode>>();
  /** That as it was told, and the store that what became of it was put into. */
  #heard: { readonly open: AlertsElsewhere["open"]; readonly store: AlertStore | null } = {
    open: [],
    store: null,
  };

  /** @param alerts The store's, as it is now. */
  constructor(alerts: () => AlertStore, region: string) {
    this.#alerts = alerts;
    this.#region = region;
  }

  /** Puts rules in force. What other rules had begun ends, or goes on under the new ones. */
  follow(published: PublishedRules): void {
    this.#rules = new RuleSet(published);
    const store = this.#alerts();
    for (const { device, rule: name, episode } of store.episodes()) {
      const rule = this.#rules.find(name, device);
      if (rule !== null && rule.version === episode.version) continue;
      const stream = rule?.settings.stream;
      // Who fired is judged by the rule as it is now; who was still waiting waits anew.
      if (episode.reason !== null && stream === episode.reason.stream) continue;
      store.put(device, name, null);
      if (episode.reason === null) continue;
      const reason: EndReason = rule === null ? "rule-removed" : "rule-changed";
      const end = { reason, atMs: null, value: null, region: this.#region };
      store.raise({ device, rule: name, sinceMs: episode.sinceMs, reason: episode.reason, end });
    }
  }

  /** Takes what other regions say: what fires there may end here, and what is over there is over. */
  hear({ open, over }: AlertsElsewhere): void {
    const store = this.#alerts();
    this.#heard = { open, store };
    this.#placeElsewhere(open);
    for (const { device, rule, sinceMs } of over)
      if (store.episodesOf(device)?.get(rule)?.sinceMs === sinceMs) store.put(device, rule, null);
  }

  #placeElsewhere(open: AlertsElsewhere["open"]): void {
    this.#elsewhere.clear();
    for (const { device, rule, sinceMs, reason } of open) {
      const rules = this.#elsewhere.get(device) ?? new Map<string, Episode>();
      this.#elsewhere.set(
        device,
        rules.set(rule, { sinceMs, version: reason.ruleVersion, reason }),
      );
    }
  }

  observe(committed: Committed, before: DeviceState, after: DeviceState, stampMs: number): void {
    if (this.#rules.isEmpty) return;
    const { device } = committed;
    const rules = this.#rules.of(device);
    if (rules.length === 0) return;
    const store = this.#alerts();
    // After a write that failed the store is another, and what had ended has not.
    if (store !== this.#heard.store) this.hear({ open: this.#heard.open, over: [] });
    const open = store.episodesOf(device);
    for (const rule of rules) {
      const { stream } = rule.settings;
      const episode = open?.get(rule.name) ?? this.#episodeElsewhere(device, rule);
      // What was never beyond the threshold need not be looked through, as long as nothing is open.
      if (episode === null && !mayHold(rule, streamOf(after.streams, stream))) continue;
      const { highWaterMs } = streamOf(before.streams, stream);
      // What fired elsewhere may be newer than all that this hub has heard before.
      const afterMs = Math.max(highWaterMs, episode?.reason?.atMs ?? 0);
      this.#judge(rule, episode, committed, afterMs, stampMs);
    }
  }

  #episodeElsewhere(device: string, { name, settings }: Rule): Episode | null {
    const episode = this.#elsewhere.get(device)?.get(name);
    return episode?.reason?.stream === settings.stream ? episode : null;
  }

  #judge(
    rule: Rule,
    episode: Episode | null,
    committed: Committed,
    afterMs: number,
    stampMs: number,
  ): void {
    const first = episode === null ? null : stretchOf(episode);
    const turns: Turn[] = [];
    const onTurn = (turn: Turn): void => void turns.push(turn);
    let stretch = first;
    let fromMs = afterMs;
    for (const { batch } of committed.kept) {
      const column = batch.columns.find(({ stream }) => stream === rule.settings.stream);
      if (column === undefined) continue;
      const readings: WatchedReadings = { times: batch.times, ...column };
      stretch = judge(rule, stretch, readings, fromMs, stampMs, onTurn);
      // What is quarantined has decided nothing.
      const last = column.rows.findLast((row) => !isQuarantined(batch.times[row] ?? 0, stampMs));
      if (last !== undefined) fromMs = Math.max(fromMs, batch.times[last] ?? 0);
    }
    if (stretch === first && turns.length === 0) return;
    this.#store(rule, episode, committed.device, stretch, turns);
  }

  #store(
    rule: Rule,
    episode: Episode | null,
    device: string,
    stretch: Stretch | null,
    turns: readonly Turn[],
  ): void {
    this.#elsewhere.get(device)?.delete(rule.name);
    const put = (held: Episode | null): void => this.#alerts().put(device, rule.name, held);
    // What could not be ended must not begin: nobody would ever say that it is over.
    const isRoomy = stretch?.isFiring !== true || this.#alerts().hasRoom(device, rule.name);
    const begun = turns.filter(({ sinceMs }) => isRoomy || sinceMs !== stretch.sinceMs);
    const reason = this.#raiseAll(rule, episode?.reason ?? null, device, begun);
    if (stretch === null || !isRoomy) return put(null);
    const { sinceMs, isFiring } = stretch;
    if (!isFiring) return put({ sinceMs, version: rule.version, reason: null });
    put(reason === null ? null : { sinceMs, version: rule.version, reason });
  }

  /** Raises what fired and what is over; gives why the last fires, null if it found no room. */
  #raiseAll(
    rule: Rule,
    before: AlertReason | null,
    device: string,
    turns: readonly Turn[],
  ): AlertReason | null {
    let reason = before;
    for (const turn of turns) {
      const { kind, sinceMs } = turn;
      const isFired = kind === "fired";
      if (isFired) reason = this.#reasonOf(rule, turn);
      if (reason === null) continue;
      const end = isFired ? null : endOf(turn, this.#region);
      const alert = { device, rule: rule.name, sinceMs, reason, end };
      if (!this.#alerts().raise(alert)) reason = null;
    }
    return reason;
  }

  #reasonOf(rule: Rule, { atMs, value }: Turn): AlertReason {
    const { version: ruleVersion, isAbove, threshold, clear, forMs, settings } = rule;
    const { stream, severity, text = null } = settings;
    const side = isAbove ? "above" : "below";
    const said = { side, threshold, clear, forMs, severity, text } as const;
    return { ruleVersion, stream, ...said, atMs, value, region: this.#region };
  }
}

function endOf({ atMs, value }: Turn, region: string): AlertEnd {
  return { reason: "cleared", atMs, value, region };
}

function stretchOf({ sinceMs, reason }: Episode): Stretch {
  return { sinceMs, isFiring: reason !== null };
}

/** Where a stored aggregate has its least and its greatest value. */
const MIN = 2;
const MAX = 3;

/** Tells whether any reading of a stream was ever beyond a rule's threshold. */
function mayHold(rule: Rule, { total }: ReturnType<typeof streamOf>): boolean {
  if (total === null) return false;
  return isBeyond(rule, total[rule.isAbove ? MAX : MIN]);
}
